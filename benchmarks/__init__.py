"""Benchmarks: `python -m benchmarks` from the root of a checkout. They print ratios, each from one run in which both sides take turns."""
