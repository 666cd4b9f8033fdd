"""Rendering on a Ray cluster: cost, scaling and failures."""
