"""Medians, and ratios with where they lie."""

import random
import statistics

# A verdict needs as many.
ROUNDS = 9


def median(samples, figure):
    return statistics.median(getattr(sample, figure) for sample in samples)


def ratio(ours, theirs, figure="cpu"):
    """Median of the rounds' ratios and a bootstrapped 90 % interval of it (their range below five rounds)."""
    pairs = zip(ours, theirs)
    return interval(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def shuffled(names):
    """In an order that is drawn by lot."""
    return random.sample(list(names), len(names))


def interval(values):
    """Their median and where it lies, nine times out of ten."""
    values = sorted(values)
    middle = statistics.median(values)
    if len(values) < 5:
        return middle, values[0], values[-1]
    generator = random.Random(1)
    draws = sorted(
        statistics.median(generator.choices(values, k=len(values))) for _ in range(2000)
    )
    return middle, draws[100], draws[1899]
