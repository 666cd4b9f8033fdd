"""Scenes composed of the sets' images: what training images show.

Most scenes show one thing on a white background. Others put it on a coloured background or into a
drawn landscape, recolour it, show it several times, or put two things side by side or one above the
other. Some are the drawn shapes and landscapes of `drawn_scenes`.
"""

import colorsys
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data import drawing, drawn_scenes
from training.data.drawn_scenes import COLOURS
from training.data.images import Images
from training.data.sources import sources

RECOLOURABLE = (5, 6, 7, 8)
"""emojibase's groups of things that may have any colour: vehicles and places, activities, objects,
symbols. Animals, food and people may not."""

HUES = {"red": 0.0, "orange": 0.083, "yellow": 0.15, "green": 0.36, "blue": 0.62, "purple": 0.79,
        "pink": 0.92}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """One image in a scene: its centre and width as shares of the side; `colour` if recoloured."""

    image: int
    x: float = 0.5
    y: float = 0.5
    size: float = 0.86
    flip: bool = False
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """`things` on a `ground` of a named colour or in a `landscape`; or a `drawn` scene of shapes.

    `relation` is how two things are placed: "left" (the first is left of the second) or "above".
    """

    things: tuple[Thing, ...] = ()
    ground: str = "white"
    landscape: drawn_scenes.Scene | None = None
    drawn: drawn_scenes.Scene | None = None
    relation: str = ""
    size_word: str = ""
    place: str = ""
    watermark: bool = False
    jitter: int = 0


class SceneMaker:
    """Composes and draws random scenes from the training sets, or from other sets (`makers`)."""

    def __init__(self, images: Images, makers: tuple[str, ...] | None = None) -> None:
        self.images, self.side = images, images.pixels.shape[1]
        makers = makers or tuple(s.name for s in sources().images if s.use == "train")
        self.pool = [int(i) for i in images.of(*makers) if self._has_words(int(i))]
        self.styles = {s.name: s.style for s in sources().images}

    def _has_words(self, image: int) -> bool:
        return self.images.concept[image] >= 0 or bool(self.images.titles[image])

    @cached_property
    def by_concept(self) -> dict[int, list[int]]:
        """The images of each concept, by any maker."""
        table: dict[int, list[int]] = {}
        for image in self.pool:
            if (concept := int(self.images.concept[image])) >= 0:
                table.setdefault(concept, []).append(image)
        return table

    def style(self, image: int) -> str:
        return self.styles[self.images.makers[self.images.maker[image]]]

    def random_image(self, random: Random) -> int:
        """Samples named concepts uniformly, and other clip art rarely."""
        if random.random() < 0.06:
            return random.choice(self.pool)
        concepts = self._concepts
        return random.choice(self.by_concept[random.choice(concepts)])

    @cached_property
    def _concepts(self) -> list[int]:
        """Each concept three times, but people, of whom CLDR has hundreds, once."""
        concepts = self.images.concepts
        return [c for c in self.by_concept for _ in range(1 if concepts[c].group == 1 else 3)]

    def scene(self, random: Random) -> Scene:
        kind = random.random()
        if kind < 0.13:
            return self.drawn(random)
        if kind < 0.62:
            return self.single(random)
        if kind < 0.72:
            return self.in_landscape(random)
        if kind < 0.78:
            return self.several_alike(random)
        return self.pair(random)

    @staticmethod
    def drawn(random: Random) -> Scene:
        """Shapes, or a landscape."""
        return Scene(drawn=drawn_scenes.random_scene(random), jitter=random.getrandbits(32))

    @staticmethod
    def shape(random: Random) -> Scene:
        """One large shape in the middle, on white."""
        while True:
            scene = drawn_scenes.random_figures(random, difficulty=0.0)
            if scene.ground == "white":
                return Scene(drawn=replace(scene, watermark=False), jitter=random.getrandbits(32))

    def plain(self, image: int) -> Scene:
        """One thing, large, in the middle, on white."""
        return Scene(things=(Thing(image),))

    def on_colour(self, random: Random) -> Scene:
        """One thing in the middle of a coloured background."""
        scene = self.plain(self.random_image(random))
        ground = random.choice([colour for colour in COLOURS if colour != "white"])
        return replace(
            scene, ground=ground, watermark=random.random() < 0.1, jitter=random.getrandbits(32)
        )

    def recoloured(self, random: Random) -> Scene:
        """One recoloured thing in the middle."""
        while True:
            image = self.random_image(random)
            concept = int(self.images.concept[image])
            if concept >= 0 and self.images.concepts[concept].group in RECOLOURABLE:
                break
        thing = Thing(image, colour=random.choice(tuple(HUES)))
        return Scene((thing,), ground=self._ground(random), jitter=random.getrandbits(32))

    def centred_in_landscape(self, random: Random) -> Scene:
        """One thing in the middle of a landscape."""
        scene = self.in_landscape(random)
        thing = Thing(scene.things[0].image, x=0.5, y=0.6, size=0.6)
        return replace(scene, things=(thing,))

    def single(self, random: Random) -> Scene:
        """One thing, mostly large, in the middle, on white."""
        image = self.random_image(random)
        scene = Scene(
            things=(self._thing(image, random),),
            ground=self._ground(random),
            watermark=random.random() < 0.08,
            jitter=random.getrandbits(32),
        )
        chance = random.random()
        if chance < 0.08:
            word, size = random.choice((("small", 0.38), ("large", 0.94)))
            return replace(scene, size_word=word, things=(replace(scene.things[0], size=size),))
        if chance < 0.16:
            place = random.choice(("left", "right", "top", "bottom"))
            x, y = {"left": (0.27, 0.5), "right": (0.73, 0.5), "top": (0.5, 0.27),
                    "bottom": (0.5, 0.73)}[place]  # fmt: skip
            moved = replace(scene.things[0], size=random.uniform(0.42, 0.5), x=x, y=y)
            return replace(scene, place=place, things=(moved,))
        return scene

    def in_landscape(self, random: Random) -> Scene:
        """One thing in a landscape."""
        land = replace(drawn_scenes.random_landscape(random), watermark=False, elements=frozenset())
        sky = [e for e in drawn_scenes.LIGHTS[land.time] if random.random() < 0.4]
        land = replace(land, elements=frozenset(sky))
        thing = replace(
            self._thing(self.random_image(random), random),
            size=random.uniform(0.5, 0.62),
            x=random.uniform(0.4, 0.6),
            y=random.uniform(0.58, 0.64),
        )
        return Scene((thing,), landscape=land, jitter=random.getrandbits(32))

    def several_alike(self, random: Random) -> Scene:
        """Two to four of the same thing."""
        thing = replace(self._thing(self.random_image(random), random), size=0.42)
        count = random.choice((2, 3, 4))
        positions = [(0.27, 0.5), (0.73, 0.5)] if count == 2 else [
            (0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)]  # fmt: skip
        things = tuple(replace(thing, x=x, y=y) for x, y in positions[:count])
        return Scene(things, ground=self._ground(random), jitter=random.getrandbits(32))

    def pair(self, random: Random) -> Scene:
        """Two different things, side by side or one above the other."""
        first, second = (self._thing(self.random_image(random), random) for _ in range(2))
        relation = random.choice(("left", "left", "above"))
        near, far = (0.27, 0.73)
        positions = ((near, 0.5), (far, 0.5)) if relation == "left" else ((0.5, near), (0.5, far))
        things = tuple(
            replace(thing, size=random.uniform(0.42, 0.5), x=x, y=y)
            for thing, (x, y) in zip((first, second), positions, strict=True)
        )
        return Scene(
            things, ground=self._ground(random), relation=relation, jitter=random.getrandbits(32)
        )

    def _thing(self, image: int, random: Random) -> Thing:
        concept = int(self.images.concept[image])
        is_recolourable = concept >= 0 and self.images.concepts[concept].group in RECOLOURABLE
        colour = random.choice(tuple(HUES)) if is_recolourable and random.random() < 0.3 else ""
        return Thing(
            image,
            x=0.5 + random.uniform(-0.03, 0.03),
            y=0.5 + random.uniform(-0.03, 0.03),
            size=random.uniform(0.78, 0.94),
            flip=random.random() < 0.3,
            colour=colour,
        )

    @staticmethod
    def _ground(random: Random) -> str:
        return "white" if random.random() < 0.6 else random.choice(tuple(COLOURS))

    def draw(self, scene: Scene) -> NDArray[np.uint8]:
        """(side, side, 3) uint8, as large as the sets' images; deterministic."""
        random = Random(scene.jitter)
        if scene.drawn:
            return np.asarray(drawing.draw(scene.drawn, self.side))
        if scene.landscape:
            canvas = drawing.draw(scene.landscape, self.side)
        elif scene.ground == "white":
            canvas = Image.new("RGB", (self.side, self.side), (255, 255, 255))
        else:
            canvas = Image.new("RGB", (self.side, self.side), drawing.shade(random, scene.ground))
        for thing in scene.things:
            self._paste(canvas, thing)
        if scene.watermark:
            canvas = drawing.add_watermark(canvas, random)
        return np.asarray(canvas)

    def _paste(self, canvas: Image.Image, thing: Thing) -> None:
        pixels = self.images.pixels[thing.image]
        if thing.colour:
            pixels = recoloured(pixels, thing.colour)
        image = Image.fromarray(np.ascontiguousarray(pixels[:, ::-1] if thing.flip else pixels))
        side = round(thing.size * self.side)
        image = image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=None)
        corner = round(thing.x * self.side - side / 2), round(thing.y * self.side - side / 2)
        canvas.paste(image, corner, image)


def recoloured(pixels: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    """RGBA pixels (h, w, 4) with all colours changed to one hue; greys don't change."""
    rgb = pixels[..., :3].astype(np.float32) / 255
    high, low = rgb.max(-1), rgb.min(-1)
    saturation = np.where(high > 0, (high - low) / np.maximum(high, 1e-6), 0)
    saturated = np.clip(saturation * 1.15, 0, 1)
    if colour == "pink":
        saturated, high = saturated * 0.55, np.maximum(high, 0.7 + 0.3 * high)
    elif colour in ("yellow", "orange"):
        high = np.clip(high * 1.15, 0, 1)
    pure = np.array(colorsys.hsv_to_rgb(HUES[colour], 1, 1), np.float32)
    recoloured_pixels = high[..., None] * (1 - saturated[..., None] * (1 - pure))
    mixed = np.where(saturation[..., None] > 0.18, recoloured_pixels, rgb)
    return np.concatenate([(mixed * 255).astype(np.uint8), pixels[..., 3:]], axis=-1)
