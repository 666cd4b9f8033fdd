"""Fault injection: random operations and faults, and a check of the outcomes."""
