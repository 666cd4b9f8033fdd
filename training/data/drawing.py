"""Draws the scenes of `training.data.drawn_scenes`: figures, landscapes and the watermark."""

import math
from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.data.drawn_scenes import COLOURS, SHAPES, SIDE, THINGS, Colour, Figure, Scene

OVERSAMPLING = 3
"""Scenes are drawn this many times larger and averaged down, for smooth edges."""


def draw(scene: Scene, side: int = SIDE) -> Image.Image:
    """Draws a scene as an RGB image of `side` × `side` pixels; deterministic."""
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
    image = canvas.reduce(OVERSAMPLING)
    return add_watermark(image, random) if scene.watermark else image


# Figures and backgrounds


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
    # A pattern is a tone of the background's own colour, so that this keeps its name.
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
    circle = [(math.cos(t), math.sin(t)) for t in turn]
    match shape:
        case "circle":
            return [circle]
        case "ring":
            return [circle, [(0.52 * x, 0.52 * y) for x, y in circle]]
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
    # A ring is drawn as a thick closed line, which leaves the background inside unchanged.
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
    # On the sea, things stand on an island.
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

WATERMARKS = ("SAMPLE", "PROOF", "STOCK", "DEMO", "COPY", "DRAFT", "PREVIEW")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def add_watermark(image: Image.Image, random: Random) -> Image.Image:
    """Stamps a text across the image, in contrast to the background, as stock sites do."""
    side = image.width
    scale = 2
    text, size = random.choice(WATERMARKS), round(side * random.uniform(0.2, 0.26) * scale)
    mask = Image.new("L", (side * scale, side * scale))
    pen = ImageDraw.Draw(mask)
    centre = (side * scale * random.uniform(0.42, 0.58), side * scale * random.uniform(0.3, 0.75))
    pen.text(centre, text, fill=255, font=_font(size), anchor="mm", stroke_width=1)
    mask = mask.rotate(random.choice([0, 0, 20, -20]), Image.Resampling.BICUBIC)
    mask = mask.reduce(scale).point([round(v * random.uniform(0.75, 0.9)) for v in range(256)])
    background = image.convert("L").filter(ImageFilter.BoxBlur(side // 8))
    dark = np.asarray(background, dtype=np.float32)[:, :, None] < 140
    ink = np.where(dark, 235, 40).astype(np.uint8).repeat(3, axis=2)
    return Image.composite(Image.fromarray(ink), image, mask)
