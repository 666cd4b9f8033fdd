"""Posts progress and results to Discord."""
