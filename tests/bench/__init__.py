"""Benchmarks: `make bench`. They print tables, compare only within one run, and are no tests."""
