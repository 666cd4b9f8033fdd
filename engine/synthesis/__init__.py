"""The method: latents are optimised until CLIP finds the picture close to what was asked for.

Read `renderer.py` first; it calls `latents`, `cutouts` and `objective` in the order of the data.
"""
