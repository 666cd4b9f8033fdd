"""Styles by name: a few prompts more, of weights well below 1, so that the wish stays in front."""

from dataclasses import dataclass

from core.i18n import mark


@dataclass(frozen=True, slots=True)
class Preset:
    """What a style adds, in the grammar of prompts (see `core.recipe`).

    With `any_words` it needs a pair that takes any words; without, the pair sketch knows its words,
    too.
    """

    include: str
    exclude: str = ""
    any_words: bool = True


PRESETS = {
    mark("watercolour"): Preset("a watercolor painting:0.4"),
    mark("oil painting"): Preset("an oil painting on canvas:0.4", "a photograph:0.2"),
    mark("pencil sketch"): Preset("a pencil sketch on paper:0.4", "bright colors:0.2"),
    mark("ink"): Preset("an ink drawing with bold brush strokes:0.4"),
    mark("photograph"): Preset("a sharp photograph in natural light:0.4", "a painting:0.2"),
    mark("comic"): Preset("a comic book panel with inked outlines:0.4", "a photograph:0.2"),
    mark("ukiyo-e"): Preset("a Japanese woodblock print, ukiyo-e:0.4", "a photograph:0.2"),
    mark("art deco"): Preset("an Art Deco poster:0.4"),
    mark("pixel art"): Preset("pixel art of an old video game:0.4", "blurry:0.2"),
    mark("low poly"): Preset("low poly 3D art:0.4"),
    mark("stained glass"): Preset("a stained glass window:0.4"),
    mark("mosaic"): Preset("a mosaic of small tiles:0.4"),
    mark("neon"): Preset("glowing neon lights in the dark:0.4", "daylight:0.2"),
    # Grounds in patterns are left out: the pair sketch knows their words, but paints none.
    mark("sunset"): Preset("a landscape at sunset, under an orange sky:0.4", any_words=False),
    mark("night"): Preset("a landscape at night, under a night sky:0.4", any_words=False),
    mark("winter"): Preset("a snowy landscape by day, under a blue sky:0.6", any_words=False),
    mark("on white"): Preset("a white background:0.4", any_words=False),
    mark("on black"): Preset("a black background:0.4", any_words=False),
}
"""By name, as a member chooses them."""


def suiting(pair: str) -> tuple[str, ...]:
    """The names of the presets whose words this pair knows."""
    return tuple(
        name for name, preset in PRESETS.items() if pair != "sketch" or not preset.any_words
    )
