"""How well a model paints what it is asked for."""
