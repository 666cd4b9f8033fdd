"""Judges that share nothing with CLIP: they score rendered images, and train nothing.

`overlap` is analytic, `cnn` is trained. Where they disagree, look at the image.
"""
