"""Canonical layouts of scenes, for whatever their captions leave open.

By default one figure is large and centred, two are side by side, and the background is white. The
prior learns from such images: it learns faster because they vary less, and a prompt can still
request another position, size or background.
"""

from dataclasses import replace
from random import Random

from training.data.drawn_scenes import PLACES, Figure, Scene

GROUNDS = ("white", "gray", "black")
"""Default backgrounds; a scene gets the first that none of its figures has."""
SINGLE_RADII = (0.27, 0.31)
RADII_BY_WORD = {"small": (0.14, 0.17), "large": (0.34, 0.38)}
PAIR_RADII = (0.19, 0.215)
GROUP_RADII = (0.18, 0.2)
"""Ranges of half a figure's width, as a share of the image's side."""


def canonical(scene: Scene, claims: frozenset[str], random: Random) -> Scene:
    """The scene in its canonical layout; only what the caption claims stays as it is.

    Watermarks and patterns are removed, because rough images can't show them.
    """
    scene = replace(scene, watermark=False, pattern="plain")
    if scene.is_landscape:
        return scene
    colours = {figure.colour for figure in scene.figures}
    ground = scene.ground
    if not claims & {ground, f"{ground} ground"}:
        ground = next(colour for colour in GROUNDS if colour not in colours)
    return replace(scene, ground=ground, figures=_placed(scene, claims, random))


def _placed(scene: Scene, claims: frozenset[str], random: Random) -> tuple[Figure, ...]:
    match scene.figures:
        case (figure,):
            radii = RADII_BY_WORD.get(
                scene.size_word if scene.size_word in claims else "", SINGLE_RADII
            )
            x, y = PLACES.get(scene.place if scene.place in claims else "", (0.5, 0.5))
            return (_at(figure, x, y, radii, random),)
        case (_, _):
            positions = [(0.26, 0.5), (0.74, 0.5)]
            if any(" above " in claim for claim in claims):
                positions = [(y, x) for x, y in positions]
            elif not any(" left of " in claim for claim in claims):
                random.shuffle(positions)
            radii = PAIR_RADII
        case _:
            positions, radii = [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)], GROUP_RADII
    return tuple(
        _at(figure, x, y, radii, random)
        for figure, (x, y) in zip(scene.figures, positions, strict=False)
    )


def _at(figure: Figure, x: float, y: float, radii: tuple[float, float], random: Random) -> Figure:
    radius = random.uniform(*radii)
    x, y = (min(max(v + random.uniform(-0.02, 0.02), radius + 0.02), 0.98 - radius) for v in (x, y))
    return replace(figure, x=x, y=y, radius=radius, angle=random.uniform(-0.08, 0.08))
