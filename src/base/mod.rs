//! What the standard library lacks: generational slab, timer wheel, clock, counters, addresses, problems.
