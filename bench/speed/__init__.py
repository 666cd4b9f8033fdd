"""How fast, and in how much memory, an image is made."""
