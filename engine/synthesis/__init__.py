"""The method: optimises latents until CLIP finds the decoded image similar to the prompts.

Read `renderer.py` first; it calls `latents`, `cutouts` and `objective` in this order.
"""
