"""Judges that share nothing with CLIP: they score images, and nothing is trained with them.

`overlap` is analytic, `cnn` is trained. If they disagree, look at the image.
"""
