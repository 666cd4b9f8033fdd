"""The control API under `/sandbox`, for scripted members and the page."""
