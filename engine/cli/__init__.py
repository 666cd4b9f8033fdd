"""The command line of the engine. Each command imports by itself what is slow to import."""
