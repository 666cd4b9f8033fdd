"""Drawn scenes with known contents: what the sketch pair learns from.

A `Scene` is a description; `draw` makes the image, `facts` says what is true of it. Captions
(`training.data.drawn_captions`) claim facts, so that for any image and any caption it is known
whether the caption is right.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 64
"""Pixels on a side of a drawn scene."""

OVERSAMPLING = 3
"""Scenes are drawn this many times larger and averaged down, so that edges are smooth."""

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
"""Half the width of a figure, as a share of the image's side, for each word."""
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
    """What an image holds. `jitter` seeds what has no name: shades, tree places, the stamp."""

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
    """One scene. `difficulty` from 0 (one large figure on a plain ground) to 1 (everything)."""
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
    """Three times the same scene with one thing changed, which is then all that tells them apart.

    Of figures the shape, the colour, and the mark or the ground; of two that differ in colour, as
    often, who is there and whose colour is whose; of landscapes the mark, the land, the time of
    day, what stands on the land or shines over it.
    """
    if scene.is_landscape:
        yield from random.sample(list(_landscapes_like(scene, random)), 3)
        return
    colours = {figure.colour for figure in scene.figures}
    if len(colours) == 2 and random.random() < 0.5:
        yield from random.sample([*recoloured(scene), *alone(scene)], 3)
        return
    changed = random.choice(scene.figures)
    shapes = [shape for shape in SHAPES if shape != changed.shape]
    yield replace(scene, figures=_repainted(scene, changed, shape=random.choice(shapes)))
    colour = random.choice([c for c in COLOURS if c not in {scene.ground, changed.colour}])
    yield replace(scene, figures=_repainted(scene, changed, colour=colour))
    yield _beneath(scene, random)


def recoloured(scene: Scene) -> list[Scene]:
    """Two figures and their ground in the same three colours, given out in every other way.

    Only who reads which colour is whose can tell them apart.
    """
    first, second = scene.figures
    colours = (first.colour, second.colour, scene.ground)
    ways = [way for way in itertools.product(colours, repeat=3) if way[2] not in way[:2]]
    others = sorted(set(ways) - {colours})
    return [
        replace(scene, figures=(replace(first, colour=a), replace(second, colour=b)), ground=ground)
        for a, b, ground in others
    ]


def alone(scene: Scene) -> list[Scene]:
    """Each of two figures without the other, on the ground and on the other's colour."""
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
    # At another time of day other lights stand where these stood.
    time = random.choice([time for time in TIMES if time != scene.time])
    lights = dict(zip(LIGHTS[scene.time], LIGHTS[time], strict=True))
    elements = frozenset(lights.get(element, element) for element in scene.elements)
    yield replace(scene, time=time, elements=elements)


def _beneath(scene: Scene, random: Random) -> Scene:
    """Another mark or ground, or the ground and alike figures in each other's colour."""
    colours = {figure.colour for figure in scene.figures}
    change = random.choice(("mark", "ground", "exchange", "exchange"))
    if change == "mark":
        return replace(scene, watermark=not scene.watermark)
    if change == "exchange" and len(colours) == 1:
        figures = tuple(replace(figure, colour=scene.ground) for figure in scene.figures)
        return replace(scene, figures=figures, ground=scene.figures[0].colour)
    ground = random.choice([c for c in COLOURS if c not in {scene.ground, *colours}])
    return replace(scene, ground=ground)


def _repainted(scene: Scene, figure: Figure, **change: Any) -> tuple[Figure, ...]:
    """Alike figures change together; of two different ones the given one changes."""
    kind = figure.shape, figure.colour
    return tuple(replace(f, **change) if (f.shape, f.colour) == kind else f for f in scene.figures)


def facts(scene: Scene) -> frozenset[str]:
    """Everything that captions may claim and that is true of this scene."""
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


def draw(scene: Scene, side: int = SIDE) -> Image.Image:
    """The scene as an RGB image of `side` × `side` pixels; the same scene always looks alike."""
    random = Random(scene.jitter)
    large = side * OVERSAMPLING
    canvas = Image.new("RGB", (large, large))
    pen = ImageDraw.Draw(canvas)
    if scene.is_landscape:
        _draw_landscape(canvas, pen, scene, random)
    else:
        _draw_ground(pen, scene, random, large)
        for figure in scene.figures:
            _draw_figure(pen, figure, shade(random, figure.colour), large)
    picture = canvas.reduce(OVERSAMPLING)
    return stamped(picture, random) if scene.watermark else picture


# Figures and grounds


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
        seats = [(0.27, 0.5), (0.73, 0.5)]
        if random.random() < 0.4:
            seats = [(y, x) for x, y in seats]
    else:
        seats = [(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)]
        random.shuffle(seats)
    for (shape, colour), (x, y) in zip(kinds, seats, strict=False):
        dx, dy = random.uniform(-0.04, 0.04), random.uniform(-0.04, 0.04)
        radius = random.uniform(0.15, 0.21)
        yield Figure(shape, colour, x + dx, y + dy, radius, random.uniform(-0.2, 0.2))


def shade(random: Random, colour: str, spread: int = 14) -> Colour:
    red, green, blue = (
        min(255, max(0, value + random.randint(-spread, spread))) for value in COLOURS[colour]
    )
    return red, green, blue


def _draw_ground(pen: ImageDraw.ImageDraw, scene: Scene, random: Random, side: int) -> None:
    ground = shade(random, scene.ground, 8)
    pen.rectangle((0, 0, side, side), fill=ground)
    if scene.pattern == "plain":
        return
    # A pattern is a quieter tone of the ground's own colour, so that the ground keeps its name.
    step = -34 if sum(ground) > 330 else 40
    tone = tuple(min(255, max(0, value + step)) for value in ground)
    period = side // random.choice([6, 8])
    for row in range(0, side, period):
        for column in range(0, side, period):
            box = (column, row, column + period, row + period)
            odd = (row // period + column // period) % 2
            filled = {"striped": (row // period) % 2, "checkered": odd}.get(scene.pattern)
            if filled:
                pen.rectangle(box, fill=tone)
            elif scene.pattern == "dotted":
                inset = period * 0.28
                dot = (column + inset, row + inset, box[2] - inset, box[3] - inset)
                pen.ellipse(dot, fill=tone)


def outline(shape: str) -> list[list[tuple[float, float]]]:
    """Closed polygons, in a box from -1 to 1, whose even-odd fill is the shape."""
    turn = [2 * math.pi * i / 48 for i in range(48)]
    round_ = [(math.cos(t), math.sin(t)) for t in turn]
    match shape:
        case "circle":
            return [round_]
        case "ring":
            return [round_, [(0.52 * x, 0.52 * y) for x, y in round_]]
        case "square":
            return [[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]]
        case "triangle":
            return [[(0.0, -0.95), (1.0, 0.82), (-1.0, 0.82)]]
        case "star":
            return [
                [
                    ((1.05 if i % 2 == 0 else 0.44) * math.sin(math.pi * i / 5),
                     -(1.05 if i % 2 == 0 else 0.44) * math.cos(math.pi * i / 5))
                    for i in range(10)
                ]
            ]  # fmt: skip
        case "heart":
            return [
                [
                    (math.sin(t) ** 3,
                     -(13 * math.cos(t) - 5 * math.cos(2 * t)
                       - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
                    for t in turn
                ]
            ]  # fmt: skip
        case "cross":
            a, b = 0.34, 1.0
            return [
                [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a),
                 (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]
            ]  # fmt: skip
        case _:
            raise ValueError(f"there is no shape {shape!r}; known: {', '.join(SHAPES)}")


def _draw_figure(pen: ImageDraw.ImageDraw, figure: Figure, fill: Colour, side: int) -> None:
    cos, sin = math.cos(figure.angle), math.sin(figure.angle)
    rings = [
        [
            (
                side * (figure.x + figure.radius * (x * cos - y * sin)),
                side * (figure.y + figure.radius * (x * sin + y * cos)),
            )
            for x, y in ring
        ]
        for ring in outline(figure.shape)
    ]
    if len(rings) == 1:
        pen.polygon(rings[0], fill=fill)
        return
    # A ring is drawn as a thick closed line, which leaves the ground inside untouched.
    radius = side * figure.radius
    x, y = side * figure.x, side * figure.y
    pen.ellipse(
        (x - radius, y - radius, x + radius, y + radius), outline=fill, width=round(radius * 0.46)
    )


# Landscapes

SKY = {
    "day": ((96, 168, 236), (190, 224, 248)),
    "sunset": ((110, 60, 120), (252, 150, 70)),
    "night": ((8, 10, 40), (34, 40, 92)),
}
LAND = {
    ("hills", "day"): (84, 164, 66),
    ("hills", "sunset"): (66, 84, 48),
    ("hills", "night"): (24, 56, 38),
    ("sea", "day"): (28, 92, 170),
    ("sea", "sunset"): (94, 68, 120),
    ("sea", "night"): (14, 34, 84),
    ("snow", "day"): (244, 248, 252),
    ("snow", "sunset"): (246, 216, 206),
    ("snow", "night"): (170, 180, 214),
}


def _draw_landscape(
    canvas: Image.Image, pen: ImageDraw.ImageDraw, scene: Scene, random: Random
) -> None:
    side = canvas.width
    horizon = side * random.uniform(0.55, 0.66)
    _draw_sky(canvas, scene, horizon)
    _draw_lights(pen, scene, random, side)
    land = tuple(min(255, max(0, c + random.randint(-8, 8))) for c in LAND[scene.land, scene.time])
    if scene.land == "sea":
        _draw_sea(pen, (land[0], land[1], land[2]), random, side, horizon)
    else:
        _draw_ridges(pen, (land[0], land[1], land[2]), scene, random, side, horizon)
    ground = horizon + side * 0.14
    # On the sea, what stands stands on an island.
    if scene.land == "sea" and scene.elements & set(THINGS):
        island = (side * 0.12, ground - side * 0.04, side * 0.88, ground + side * 0.16)
        pen.ellipse(island, fill=_dimmed((222, 196, 128), scene.time))
    if "trees" in scene.elements:
        for x in random.sample([0.14, 0.3, 0.7, 0.86], random.choice([2, 3])):
            if scene.land == "sea":
                x = 0.5 + (x - 0.5) * 0.75
            _draw_tree(pen, scene, side * x, ground + side * random.uniform(0, 0.06), side)
    if "house" in scene.elements:
        _draw_house(pen, scene, random, side * random.uniform(0.44, 0.56), ground, side)


def _dimmed(colour: Colour, time: str) -> Colour:
    share = {"day": 1.0, "sunset": 0.8, "night": 0.55}[time]
    return round(colour[0] * share), round(colour[1] * share), round(colour[2] * share)


def _draw_sky(canvas: Image.Image, scene: Scene, horizon: float) -> None:
    side = canvas.width
    top, bottom = (np.array(colour, dtype=np.float32) for colour in SKY[scene.time])
    share = np.clip(np.arange(side, dtype=np.float32) / horizon, 0, 1)[:, None]
    column = (top + (bottom - top) * share).astype(np.uint8)
    canvas.paste(Image.fromarray(np.repeat(column[:, None, :], side, axis=1)))


def _draw_lights(pen: ImageDraw.ImageDraw, scene: Scene, random: Random, side: int) -> None:
    if "stars" in scene.elements:
        for _ in range(random.randint(10, 16)):
            x, y = side * random.uniform(0.03, 0.97), side * random.uniform(0.03, 0.48)
            r = side * random.uniform(0.012, 0.02)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=(250, 248, 220))
    if "sun" in scene.elements:
        x = side * random.uniform(0.2, 0.8)
        y = side * (0.2 if scene.time == "day" else 0.46) + side * random.uniform(-0.04, 0.04)
        r = side * random.uniform(0.1, 0.13)
        fill = (255, 224, 60) if scene.time == "day" else (255, 96, 48)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    if "moon" in scene.elements:
        x, y, r = side * random.uniform(0.2, 0.8), side * 0.22, side * random.uniform(0.09, 0.12)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(240, 238, 206))
        night = SKY["night"][0]
        pen.ellipse((x - r * 0.4, y - r * 1.15, x + r * 1.5, y + r * 0.75), fill=night)
    if "clouds" in scene.elements:
        fill = (250, 250, 252) if scene.time == "day" else (226, 180, 190)
        for _ in range(random.choice([2, 3])):
            x, y = side * random.uniform(0.1, 0.9), side * random.uniform(0.1, 0.36)
            for dx, dy, r in ((-0.08, 0.01, 0.05), (0.0, -0.02, 0.07), (0.08, 0.01, 0.05)):
                cx, cy, cr = x + dx * side, y + dy * side, r * side
                pen.ellipse((cx - cr, cy - cr * 0.8, cx + cr, cy + cr * 0.8), fill=fill)


def _draw_sea(
    pen: ImageDraw.ImageDraw, land: Colour, random: Random, side: int, horizon: float
) -> None:
    pen.rectangle((0, horizon, side, side), fill=land)
    crest = (min(255, land[0] + 62), min(255, land[1] + 62), min(255, land[2] + 52))
    for _ in range(14):
        x, y = random.uniform(0, side), random.uniform(horizon + side * 0.03, side)
        w = side * random.uniform(0.04, 0.09)
        pen.line((x - w, y, x + w, y), fill=crest, width=max(1, side // 64))


def _draw_ridges(
    pen: ImageDraw.ImageDraw,
    land: Colour,
    scene: Scene,
    random: Random,
    side: int,
    horizon: float,
) -> None:
    height = 0.1 if scene.land == "hills" else 0.04
    for layer in range(2):
        phase, waves = random.uniform(0, 6.28), random.uniform(0.8, 1.6)
        base = horizon + side * 0.13 * layer
        ridge = [
            (x, base - side * height * math.sin(phase + waves * 6.28 * x / side))
            for x in range(0, side + 4, 4)
        ]
        share = 0.86 if layer == 0 else 1.0
        tone = round(land[0] * share), round(land[1] * share), round(land[2] * share)
        pen.polygon([*ridge, (side, side), (0, side)], fill=tone)


def _draw_tree(pen: ImageDraw.ImageDraw, scene: Scene, x: float, y: float, side: int) -> None:
    trunk = _dimmed((104, 66, 34), scene.time)
    crown = _dimmed((22, 108, 52), scene.time)
    w, h = side * 0.085, side * 0.26
    pen.rectangle((x - w * 0.22, y - h * 0.3, x + w * 0.22, y), fill=trunk)
    pen.polygon([(x, y - h), (x + w, y - h * 0.25), (x - w, y - h * 0.25)], fill=crown)


def _draw_house(
    pen: ImageDraw.ImageDraw, scene: Scene, random: Random, x: float, y: float, side: int
) -> None:
    w, h = side * 0.12, side * 0.15
    wall = _dimmed(random.choice([(232, 214, 176), (240, 236, 226)]), scene.time)
    pen.rectangle((x - w, y - h, x + w, y + side * 0.03), fill=wall)
    roof = _dimmed((186, 52, 42), scene.time)
    pen.polygon([(x, y - h * 1.9), (x + w * 1.3, y - h), (x - w * 1.3, y - h)], fill=roof)
    light = (255, 220, 110) if scene.time == "night" else _dimmed((84, 128, 170), scene.time)
    pen.rectangle((x - w * 0.66, y - h * 0.7, x - w * 0.16, y - h * 0.25), fill=light)
    door = _dimmed((104, 66, 34), scene.time)
    pen.rectangle((x + w * 0.16, y - h * 0.6, x + w * 0.62, y + side * 0.03), fill=door)


# The watermark

STAMPS = ("SAMPLE", "PROOF", "STOCK", "DEMO", "COPY", "DRAFT", "PREVIEW")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def stamped(picture: Image.Image, random: Random) -> Image.Image:
    """A text across the image, light or dark against what lies beneath it, as stock sites do."""
    side = picture.width
    scale = 2
    text, size = random.choice(STAMPS), round(side * random.uniform(0.2, 0.26) * scale)
    mask = Image.new("L", (side * scale, side * scale))
    pen = ImageDraw.Draw(mask)
    where = (side * scale * random.uniform(0.42, 0.58), side * scale * random.uniform(0.3, 0.75))
    pen.text(where, text, fill=255, font=_font(size), anchor="mm", stroke_width=1)
    mask = mask.rotate(random.choice([0, 0, 20, -20]), Image.Resampling.BICUBIC)
    mask = mask.reduce(scale).point([round(v * random.uniform(0.75, 0.9)) for v in range(256)])
    beneath = picture.convert("L").filter(ImageFilter.BoxBlur(side // 8))
    light = np.asarray(beneath, dtype=np.float32)[:, :, None] < 140
    ink = np.where(light, 235, 40).astype(np.uint8).repeat(3, axis=2)
    return Image.composite(Image.fromarray(ink), picture, mask)
