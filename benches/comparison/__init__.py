"""What `benches/compare` is made of.

install     gets the peers and builds ours
process     starts pinned processes, reads their CPU and memory
candidates  each proxy with its configuration
rows        each kind of work and the load that makes it
measure     one candidate doing one row's work, once
figures     medians, and ratios with where they lie
verdicts    how tidegate stands against its bars and another build
report      tables as markdown
keep        what was measured, in a file
trace       system calls, wake-ups, where the time goes
main        the command line and the order of things
"""
