"""The time and the memory that an image takes."""
