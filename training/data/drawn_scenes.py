"""Drawn scenes with known contents, from which the model `sketch` learns.

A `Scene` is a description; `training.data.drawing` draws it, and `facts` lists what is true of it.
Captions (`training.data.drawn_captions`) claim facts, so it is known for every image and every
caption whether the caption is right.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

SIDE = 64
"""Pixels on a side of a drawn scene."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 34, 34),
    "orange": (255, 140, 10),
    "yellow": (250, 222, 40),
    "green": (40, 160, 60),
    "blue": (36, 72, 208),
    "purple": (130, 44, 160),
    "pink": (255, 136, 186),
    "brown": (118, 70, 30),
    "black": (18, 18, 18),
    "gray": (134, 134, 134),
    "white": (246, 246, 246),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring")
PATTERNS = ("plain", "striped", "dotted", "checkered")
SIZES = {"small": (0.13, 0.18), "": (0.2, 0.28), "large": (0.3, 0.38)}
"""The range of half a figure's width, as a share of the image's side, for each word."""
PLACES = {
    "on the left": (0.27, 0.5),
    "on the right": (0.73, 0.5),
    "at the top": (0.5, 0.27),
    "at the bottom": (0.5, 0.73),
    "in the center": (0.5, 0.5),
}
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}

LANDS = ("hills", "sea", "snow")
TIMES = ("day", "sunset", "night")
SKIES = ("sun", "moon", "stars", "clouds")
THINGS = ("trees", "house")
LIGHTS = {"day": ("sun", "clouds"), "sunset": ("sun", "clouds"), "night": ("moon", "stars")}
"""What may shine or float in the sky at each time."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """One coloured shape. `x`, `y` are its centre and `radius` half its width, all from 0 to 1."""

    shape: str
    colour: str
    x: float
    y: float
    radius: float
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """The contents of an image.

    `ground` is the background's colour. `jitter` seeds what captions don't mention: shades, where
    trees are, the watermark's text.
    """

    figures: tuple[Figure, ...] = ()
    ground: str = "white"
    pattern: str = "plain"
    size_word: str = ""
    place: str = ""
    land: str = ""
    time: str = ""
    elements: frozenset[str] = frozenset()
    watermark: bool = False
    jitter: int = 0

    @property
    def is_landscape(self) -> bool:
        return bool(self.land)


def random_scene(random: Random, difficulty: float = 1.0) -> Scene:
    """One scene. `difficulty` from 0 (one large figure on a plain background) to 1 (everything)."""
    if random.random() < 0.28 * (0.5 + difficulty / 2):
        return random_landscape(random)
    return random_figures(random, difficulty)


def random_landscape(random: Random) -> Scene:
    time = random.choice(TIMES)
    elements = {light for light in LIGHTS[time] if random.random() < 0.55}
    elements |= {thing for thing in THINGS if random.random() < 0.4}
    return Scene(
        land=random.choice(LANDS),
        time=time,
        elements=frozenset(elements),
        watermark=random.random() < 0.25,
        jitter=random.getrandbits(32),
    )


def random_figures(random: Random, difficulty: float = 1.0) -> Scene:
    """Coloured shapes: one, several alike, or two different ones side by side."""
    ground = random.choice(["white"] * 6 + list(COLOURS))
    colours = [colour for colour in COLOURS if colour != ground]
    kind = random.random()
    place = size_word = ""
    if kind < 0.5 or difficulty < 0.4:
        size_word = random.choice(["", "", "small", "large"]) if difficulty > 0.3 else "large"
        place = random.choice(["", "", *PLACES]) if difficulty > 0.3 else "in the center"
        figures: tuple[Figure, ...] = (
            _placed(random, random.choice(SHAPES), random.choice(colours), size_word, place),
        )
    elif kind < 0.6:
        count = random.choice([2, 3, 4])
        shape, colour = random.choice(SHAPES), random.choice(colours)
        figures = tuple(_spread(random, [(shape, colour)] * count))
    else:
        pair = [(random.choice(SHAPES), random.choice(colours)) for _ in range(2)]
        figures = tuple(_spread(random, pair))
    return Scene(
        figures=figures,
        ground=ground,
        pattern=random.choice(PATTERNS) if random.random() < 0.2 * difficulty else "plain",
        size_word=size_word,
        place=place,
        watermark=random.random() < 0.25,
        jitter=random.getrandbits(32),
    )


def random_pair(random: Random) -> Scene:
    """Two figures of different colours."""
    while True:
        scene = random_figures(random)
        if len({figure.colour for figure in scene.figures}) == 2:
            return scene


def variations(scene: Scene, random: Random) -> Iterator[Scene]:
    """Three variants of a scene that each differ in one fact.

    With figures: the shape, the colour, and the watermark or the background; with two of different
    colours also which of them is present, and which has which colour. With landscapes: the
    watermark, the land, the time of day, and what is on the land or in the sky.
    """
    if scene.is_landscape:
        yield from random.sample(list(_landscapes_like(scene, random)), 3)
        return
    colours = {figure.colour for figure in scene.figures}
    if len(colours) == 2 and random.random() < 0.5:
        yield from random.sample([*recolourings(scene), *single_figures(scene)], 3)
        return
    changed = random.choice(scene.figures)
    shapes = [shape for shape in SHAPES if shape != changed.shape]
    yield replace(scene, figures=_with_figure(scene, changed, shape=random.choice(shapes)))
    colour = random.choice([c for c in COLOURS if c not in {scene.ground, changed.colour}])
    yield replace(scene, figures=_with_figure(scene, changed, colour=colour))
    yield _background_variant(scene, random)


def recolourings(scene: Scene) -> list[Scene]:
    """All other assignments of the same three colours to two figures and their background."""
    first, second = scene.figures
    colours = (first.colour, second.colour, scene.ground)
    assignments = [
        assignment
        for assignment in itertools.product(colours, repeat=3)
        if assignment[2] not in assignment[:2]
    ]
    others = sorted(set(assignments) - {colours})
    return [
        replace(scene, figures=(replace(first, colour=a), replace(second, colour=b)), ground=ground)
        for a, b, ground in others
    ]


def single_figures(scene: Scene) -> list[Scene]:
    """Each of two figures alone, on the same background and on one of the other's colour."""
    first, second = scene.figures
    return [
        replace(scene, figures=(one,), ground=ground)
        for one, other in ((first, second), (second, first))
        for ground in (scene.ground, other.colour)
    ]


def _landscapes_like(scene: Scene, random: Random) -> Iterator[Scene]:
    yield replace(scene, watermark=not scene.watermark)
    yield replace(scene, land=random.choice([land for land in LANDS if land != scene.land]))
    yield replace(scene, elements=scene.elements ^ {random.choice(THINGS)})
    yield replace(scene, elements=scene.elements ^ {random.choice(LIGHTS[scene.time])})
    # At another time of day, other lights take the place of these.
    time = random.choice([time for time in TIMES if time != scene.time])
    lights = dict(zip(LIGHTS[scene.time], LIGHTS[time], strict=True))
    elements = frozenset(lights.get(element, element) for element in scene.elements)
    yield replace(scene, time=time, elements=elements)


def _background_variant(scene: Scene, random: Random) -> Scene:
    """The scene with or without its watermark, on another background, or in exchanged colours."""
    colours = {figure.colour for figure in scene.figures}
    change = random.choice(("mark", "ground", "exchange", "exchange"))
    if change == "mark":
        return replace(scene, watermark=not scene.watermark)
    if change == "exchange" and len(colours) == 1:
        figures = tuple(replace(figure, colour=scene.ground) for figure in scene.figures)
        return replace(scene, figures=figures, ground=scene.figures[0].colour)
    ground = random.choice([c for c in COLOURS if c not in {scene.ground, *colours}])
    return replace(scene, ground=ground)


def _with_figure(scene: Scene, figure: Figure, **change: Any) -> tuple[Figure, ...]:
    """Changes this figure, and with it those of the same shape and colour."""
    kind = figure.shape, figure.colour
    return tuple(replace(f, **change) if (f.shape, f.colour) == kind else f for f in scene.figures)


def facts(scene: Scene) -> frozenset[str]:
    """Everything that is true of this scene and that captions may claim."""
    true: set[str] = {"watermark"} if scene.watermark else set()
    if scene.is_landscape:
        return frozenset(true | {"landscape", scene.land, scene.time} | scene.elements)
    true |= {"figures", f"{scene.ground} ground", f"{scene.pattern} ground", scene.ground}
    for figure in scene.figures:
        true |= {figure.shape, figure.colour, f"{figure.colour} {figure.shape}"}
    true.add(f"{len(scene.figures)} figures")
    true |= {word for word in (scene.size_word, scene.place) if word}
    if len(scene.figures) == 2:
        first, second = scene.figures
        if first.x < second.x - 0.2:
            true.add(f"{_name(first)} left of {_name(second)}")
        elif first.y < second.y - 0.2:
            true.add(f"{_name(first)} above {_name(second)}")
    return frozenset(true)


def _name(figure: Figure) -> str:
    return f"{figure.colour} {figure.shape}"


def _placed(random: Random, shape: str, colour: str, size_word: str, place: str) -> Figure:
    radius = random.uniform(*SIZES[size_word])
    if place:
        x, y = PLACES[place]
        x, y = x + random.uniform(-0.05, 0.05), y + random.uniform(-0.05, 0.05)
    else:
        x, y = random.uniform(0.35, 0.65), random.uniform(0.35, 0.65)
    x, y = (min(max(v, radius + 0.02), 0.98 - radius) for v in (x, y))
    return Figure(shape, colour, x, y, radius, random.uniform(-0.2, 0.2))


def _spread(random: Random, kinds: list[tuple[str, str]]) -> Iterator[Figure]:
    """Figures that do not touch: side by side, one above another, or one in each corner."""
    if len(kinds) == 2:
        positions = [(0.27, 0.5), (0.73, 0.5)]
        if random.random() < 0.4:
            positions = [(y, x) for x, y in positions]
    else:
        positions = [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)]
        random.shuffle(positions)
    for (shape, colour), (x, y) in zip(kinds, positions, strict=False):
        dx, dy = random.uniform(-0.04, 0.04), random.uniform(-0.04, 0.04)
        radius = random.uniform(0.15, 0.21)
        yield Figure(shape, colour, x + dx, y + dy, radius, random.uniform(-0.2, 0.2))
