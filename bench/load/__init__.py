"""Load benchmarks: a burst, a long queue, a soak test (see `docs/load.md`)."""
