"""Load benchmarks: a burst, a long queue, a long time (see `docs/load.md`)."""
