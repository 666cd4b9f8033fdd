"""What the client keeps in memory between interactions. Does not import the client."""
