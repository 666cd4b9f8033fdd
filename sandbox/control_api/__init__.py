"""The control API under `/sandbox`, for scripted members and the page.

Each module has one class with a `routes()` list and takes only the parts of the sandbox that its
routes use. `sandbox.server` puts them together.
"""
