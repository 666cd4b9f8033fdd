"""What the client keeps in memory between interactions. Independent of the client."""
