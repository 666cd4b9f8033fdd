"""What `bench.faults` breaks, and how it counts what became of the jobs."""
