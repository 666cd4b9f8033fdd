"""Canonical layouts: how a scene is composed where its caption leaves that open.

By default one figure is large and centred, two are side by side, and the background is white. The
prior learns such images: there are fewer of them, so it learns faster, and a prompt can still ask
for another position, size or background.
"""

from dataclasses import replace
from random import Random

from training.data.drawn_scenes import PLACES, Figure, Scene

GROUNDS = ("white", "gray", "black")
"""Default backgrounds: the first that is no figure's colour is used."""
ALONE = (0.27, 0.31)
SMALL_AND_LARGE = {"small": (0.14, 0.17), "large": (0.34, 0.38)}
BESIDE = (0.19, 0.215)
CORNERS = (0.18, 0.2)
"""Half the width of figures, as a share of the image's side."""


def composed(scene: Scene, claims: frozenset[str], random: Random) -> Scene:
    """The scene in its canonical layout; only what the caption claims stays as it is.

    Without watermarks and patterns, which a rough image can't show.
    """
    scene = replace(scene, watermark=False, pattern="plain")
    if scene.is_landscape:
        return scene
    colours = {figure.colour for figure in scene.figures}
    ground = scene.ground
    if not claims & {ground, f"{ground} ground"}:
        ground = next(colour for colour in GROUNDS if colour not in colours)
    return replace(scene, ground=ground, figures=_seated(scene, claims, random))


def _seated(scene: Scene, claims: frozenset[str], random: Random) -> tuple[Figure, ...]:
    match scene.figures:
        case (figure,):
            sizes = SMALL_AND_LARGE.get(scene.size_word if scene.size_word in claims else "", ALONE)
            x, y = PLACES.get(scene.place if scene.place in claims else "", (0.5, 0.5))
            return (_at(figure, x, y, sizes, random),)
        case (_, _):
            seats = [(0.26, 0.5), (0.74, 0.5)]
            if any(" above " in claim for claim in claims):
                seats = [(y, x) for x, y in seats]
            elif not any(" left of " in claim for claim in claims):
                random.shuffle(seats)
            sizes = BESIDE
        case _:
            seats, sizes = [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)], CORNERS
    return tuple(
        _at(figure, x, y, sizes, random)
        for figure, (x, y) in zip(scene.figures, seats, strict=False)
    )


def _at(figure: Figure, x: float, y: float, sizes: tuple[float, float], random: Random) -> Figure:
    radius = random.uniform(*sizes)
    x, y = (min(max(v + random.uniform(-0.02, 0.02), radius + 0.02), 0.98 - radius) for v in (x, y))
    return replace(figure, x=x, y=y, radius=radius, angle=random.uniform(-0.08, 0.08))
