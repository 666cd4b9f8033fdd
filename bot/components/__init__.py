"""Buttons, modals and paginated lists."""
