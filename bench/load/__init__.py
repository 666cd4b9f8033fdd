"""`python -m bench.load`: what the product bears, as Markdown tables (see `docs/load.md`)."""
