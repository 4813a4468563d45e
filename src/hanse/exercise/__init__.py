"""Scenarios with known truth: telemetry to rehearse on.

In: a scenario name, a seed, a scale. Out: flows, a registry, and the truth that no detector reads.
Used by: the shell, tests, benchmarks.
"""
