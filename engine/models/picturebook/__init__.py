"""The embedded model: a VQGAN, a CLIP and a prior, made by `python -m training`."""
