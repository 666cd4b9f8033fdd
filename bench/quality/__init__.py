"""How well a model renders what was requested."""
