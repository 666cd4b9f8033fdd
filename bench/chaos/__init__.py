"""What `bench.chaos` breaks, and how it counts what became of the jobs."""
