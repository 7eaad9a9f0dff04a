"""What `benches/compare` is made of.

install     gets the peers and builds ours
process     starts pinned processes, reads their CPU and memory
candidates  each proxy with its configuration
rows        each kind of work and the load that makes it
measure     one candidate doing one row's work, once
report      medians, ratios with intervals, verdicts, markdown
main        the command line and the order of things
"""
