"""How well a model renders what was asked for."""
