"""Benchmarks that anyone can run again, each with its baseline in the same run."""
