"""Benchmarks: each prints its figures; run as ``python -m tools.bench.NAME``."""
