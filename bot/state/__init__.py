"""What the client keeps in memory between interactions; it knows nothing of the client."""
