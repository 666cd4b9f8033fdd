"""The engine's command line. Slow imports are inside the commands that need them."""
