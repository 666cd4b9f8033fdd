"""The embedded model: a small VQGAN and a small CLIP, made by `python -m training.sketch`."""
