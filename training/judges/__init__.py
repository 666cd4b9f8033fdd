"""Judges that share nothing with CLIP: they score what was painted, and never train anything.

`overlap` measures, `cnn` has learned; where the two disagree, look at the picture.
"""
