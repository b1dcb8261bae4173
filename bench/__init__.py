"""Benchmarks: servers on one core, the load generator on the other, fixed points in the same run."""
