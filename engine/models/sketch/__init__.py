"""The embedded pair: a small VQGAN and a small CLIP, made by `python -m training.sketch`."""
