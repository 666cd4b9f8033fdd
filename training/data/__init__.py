"""The training data of `picturebook`: where images and names come from, and how they combine.

Read `sources.py` (which sets, under which licence), `download.py`, `concepts.py` (what the images
show, in five languages), `images.py` (the rendered images), `scenes.py` (how they are composed).
"""
