"""Understands prompts without any network: which things, in which styles, and where each goes."""
