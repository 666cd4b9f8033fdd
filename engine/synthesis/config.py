"""All hyperparameters of the method, and their values for each model.

Unless a comment names a source, values were chosen with `python -m bench.quality` on practice
prompts, and `python -m bench.quality.ablation` compares them with alternatives.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class CutoutConfig:
    """What CLIP sees of an image in one step."""

    count: int = 16  # of each image; 32 score no higher, 8 do worse (`bench.speed --only cutouts`)
    min_scale: float = 0.3  # smallest side of a cutout, relative to the image's shorter side
    max_scale: float = 1.0  # largest; above 1, a cutout extends beyond the image
    affine_std: float = 0.06  # standard deviation of rotation and shear, radians
    noise: float = 0.1  # upper bound of the noise's standard deviation, pixels from 0 to 1
    flip_p: float = 0.5  # probability of mirroring a cutout
    part_margin: float = 0.1  # around a repainted part, relative to the shorter side
    color_jitter: float = 0.1  # standard deviation of the contrast factor
    brightness_jitter: float = 0.05  # standard deviation of the shift of each channel, from 0 to 1


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the loss terms; CLIP's has weight 1."""

    tv_weight: float = 0.0  # total variation; more gives flatter colours and cleaner edges
    prior_weight: float = 0.0  # score distillation from the prior, if the model has one
    start_weight: float = 0.0  # distance from what the prior's samples show, pixels from 0 to 1
    init_weight: float = 4.0  # distance from the initial image, for a recipe's `strength` of 1
    exclude_text_floor: float = 0.15  # cosine of unrelated texts: an exclude has no effect below it
    exclude_image_floor: float = 0.5  # likewise for excluded images


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Adam, coarse-to-fine sizes, and the number of steps."""

    learning_rate: float = 0.1  # of Adam; the usual value of VQGAN+CLIP programs
    min_lr_ratio: float = 0.1  # at the last step, relative to `learning_rate`; half-cosine decay
    betas: tuple[float, float] = (0.9, 0.99)  # of Adam
    coarse_fraction: float = 0.5  # share of the steps at smaller sizes than the final one
    min_side: int = 128  # shorter side of the smallest size, pixels
    sufficient_loss: float = -math.inf  # of CLIP; a job takes the steps that usually reach it
    gain_per_step: float = 0.005  # decrease of the loss in a step until it is sufficient, usually
    min_steps: int = 10  # of a job that starts with a sufficient loss
    # Without a sufficient loss, a job ends when its loss doesn't fall any more.
    patience: float = 0.2  # share of the steps without progress, after which a job ends
    min_patience: int = 20  # steps; lower limit of `patience`
    min_delta: float = 0.001  # decrease of the loss that counts as progress
    loss_ema_weight: float = 0.2  # weight of the newest loss in the moving average
    scene_fade: float = 0.1  # share of the steps in which one scene of a story fades to the next
    check_every: int = 10  # steps between checks of the loss, which wait for the device


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """How the model's prior is sampled and distilled, if it has one."""

    sampling_steps: int = 12  # Euler steps from noise to an image
    lr_ratio: float = 1.0  # factor of the learning rate for images that start from a sample
    guidance_scale: float = 2.0  # classifier-free guidance (Ho and Salimans, 2022)
    negative_scale: float = 12.0  # of the perpendicular part of excludes (Armandpour et al., 2023)
    presence_range: float = 0.1  # cosine above the floor at which an exclude is certainly present
    t_min: float = 0.3  # minimum time in distillation; closer to noise (0), the prior starts over
    t_max: float = 0.8  # maximum; closer to the image (1), the prior changes nothing
    style_share: float = 0.3  # minimum probability of a style, relative to that of the likeliest
    drawn_style: int = 10  # that of shapes, an index of `training.data.sources.STYLES`
    best_styles: tuple[int, ...] = ()  # all styles, the best first; empty: all are as good
    style_count: int = 4  # number of styles to choose from, unless a prompt names styles
    scenery_styles: tuple[int, ...] = ()  # of what is in landscapes; empty: as for other things
    every: int = 2  # steps between distillations


@dataclass(frozen=True, slots=True)
class PaletteConfig:
    """How pixels are limited to a palette. Units are squared RGB distances, 0 to 3."""

    temperature: float = 0.005  # of the softmax that mixes a pixel's colours
    gradient_temperature: float = 0.5  # of the softmax that gives its gradient


@dataclass(frozen=True, slots=True)
class InitConfig:
    """How an image starts: from the best of many candidates, or from another job's latents."""

    prior_samples: int = 0  # number of candidates from the prior, if the model has one
    shape_samples: int = 4  # the same for drawn shapes; the one with the smoothest outline is kept
    candidates: int = 32  # number of gradient images per generation, if it has none
    children: int = 32  # candidates per survivor of a generation
    mutation_stds: tuple[float, ...] = (0.2, 0.1, 0.05)  # one per generation; genes are from 0 to 1
    flatness: float = 3.0  # exponent; higher values make flat backgrounds more frequent
    blob_margin: float = 0.2  # minimum distance of a blob's centre from the edge, share of the side
    blob_radius: tuple[float, float] = (0.16, 0.36)  # range, share of the side
    blob_edge: float = 8.0  # steepness of a blob's edge
    blob_presence: float = 0.3  # gene value above which a blob is visible
    blob_presence_edge: float = 20.0  # steepness of that threshold
    edge_noise: float = 0.1  # standard deviation in extended edges, pixels from 0 to 1
    # Largest difference of background pixels from their colour, 0 to 1; white things differ more.
    ground_tolerance: float = 0.035
    # Both from 0 to 1, and chosen by eye.
    same_ground: float = 0.015  # largest standard deviation of backgrounds that look the same
    visible: float = 0.2  # least difference between a thing's mean colour and its background
    edge_width: int = 2  # pixels at a thing's edge that may be blended with the background
    edge_share: float = 0.9  # of the largest difference nearby; above it, a pixel is opaque
    thing_margin: float = 0.03  # around a thing that fills its place, share of the image's side
    max_warp: float = 0.5  # of a variation with spread 1, in half sides of the image


@dataclass(frozen=True, slots=True)
class OutlineConfig:
    """The lines of outline drawings. Chosen by eye and with a style classifier."""

    contrast: float = 0.07  # difference between neighbouring pixels that makes a line, 0 to 1
    width: int = 5  # pixels


@dataclass(frozen=True, slots=True)
class RecolouringConfig:
    """How things get the colours that a prompt names. Chosen by eye. Hues are in degrees."""

    # Red, orange, yellow, green, blue, purple and pink.
    hues: tuple[float, ...] = (0.0, 30.0, 55.0, 120.0, 220.0, 280.0, 325.0)
    # What people may call these colours. The ranges overlap, because people disagree.
    hue_ranges: tuple[tuple[float, float], ...] = (
        (325.0, 380.0),
        (15.0, 45.0),
        (42.0, 75.0),
        (70.0, 175.0),
        (170.0, 255.0),
        (250.0, 310.0),
        (300.0, 360.0),
    )
    # Saturations and values are from 0 to 1.
    min_saturation: float = 0.18  # below, a pixel has no hue (as in the training's scenes)
    min_share: float = 0.3  # of pixels with a hue; with less, all of a thing's pixels change
    min_excluded: float = 0.08  # saturation above which an excluded hue is replaced
    min_tint: float = 0.6  # least saturation of a changed pixel, of that of the new colour
    min_vivid: float = 0.3  # saturation of the palest colour whose hue can be excluded
    max_brown: float = 0.6  # value, 0 to 1; darker orange is brown
    vivid: tuple[float, float] = (0.8, 0.9)  # saturation and value of what replaces excluded hues
    value_range: tuple[float, float] = (0.2, 0.94)  # keeps the shading of black and white things
    shape_range: tuple[float, float] = (
        0.3,
        0.6,
    )  # a drawn shape's saturation, at its edge and in it
    min_shape: float = 0.03  # smallest share of the image that is a drawn shape
    max_at_edge: float = 0.02  # largest share of the image's edge that a drawn shape may touch
    hue_range: float = 60.0  # largest distance to the most frequent hue that still changes


@dataclass(frozen=True, slots=True)
class FilmConfig:
    """How a film moves through its image. Chosen by eye with the embedded model."""

    zoom: float = 1.02  # factor per frame
    pan: float = 1 / 64  # per frame, share of the side
    turn: float = 1.0  # per frame, degrees
    lr_ratio: float = 0.6  # factor of the schedule's learning rate, in every frame
    mean_weight: float = 0.4  # weight of the newest latents in the moving average that is shown


@dataclass(frozen=True, slots=True)
class SynthesisConfig:
    """All hyperparameters for one model."""

    quantize: bool = True  # decode the nearest codes, straight-through; otherwise raw latents
    cutouts: CutoutConfig = field(default_factory=CutoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    palette: PaletteConfig = field(default_factory=PaletteConfig)
    init: InitConfig = field(default_factory=InitConfig)
    outline: OutlineConfig = field(default_factory=OutlineConfig)
    recolouring: RecolouringConfig = field(default_factory=RecolouringConfig)
    film: FilmConfig = field(default_factory=FilmConfig)


def override(config: SynthesisConfig, values: Mapping[str, Any]) -> SynthesisConfig:
    """A copy with other values, by keys such as `quantize` or `cutouts.count`.

    Raises ValueError for an unknown key.
    """
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        if key not in flat(config):
            raise ValueError(f"There is no {key!r}. The keys are {', '.join(flat(config))}.")
        if section:
            name, value = section, replace(getattr(config, section), **{name: value})
        config = replace(config, **{name: value})
    return config


SECTIONS = ("cutouts", "loss", "schedule", "prior", "palette", "init", "outline", "recolouring",
            "film")  # fmt: skip
"""The fields of SynthesisConfig that have fields of their own."""


def flat(config: SynthesisConfig) -> dict[str, Any]:
    """All values, by the keys that `override` accepts."""
    values: dict[str, Any] = {"quantize": config.quantize}
    for section in SECTIONS:
        part = getattr(config, section)
        values |= {f"{section}.{each.name}": getattr(part, each.name) for each in fields(part)}
    return values


IMAGENET = SynthesisConfig()

SKETCH = SynthesisConfig(
    cutouts=CutoutConfig(
        count=8, min_scale=0.5, flip_p=0.0, color_jitter=0.05, brightness_jitter=0.025
    ),
    loss=LossConfig(
        tv_weight=0.06, prior_weight=8.0, exclude_text_floor=0.025, exclude_image_floor=0.2
    ),
    schedule=ScheduleConfig(min_side=64, patience=1.0),  # takes all its steps, 40 by default
    init=InitConfig(prior_samples=16, candidates=384),
)

PICTUREBOOK = SynthesisConfig(
    quantize=False,  # codes lose details of small things (docs/things.md)
    cutouts=CutoutConfig(
        count=8, min_scale=0.5, flip_p=0.0, color_jitter=0.05, brightness_jitter=0.025
    ),
    # The floors exceed 95 % of the cosines of unrelated names and images.
    loss=LossConfig(
        tv_weight=0.02,
        prior_weight=2.0,
        start_weight=10.0,
        exclude_text_floor=0.2,
        exclude_image_floor=0.27,
    ),
    schedule=ScheduleConfig(
        learning_rate=0.05,
        coarse_fraction=0.0,  # images start with fine details
        sufficient_loss=-0.5,  # 3 in 4 real images are less similar (`bench.quality.things`)
    ),
    # Samples are nearly finished: at the full learning rate, 60 steps distort their outlines.
    prior=PriorConfig(
        sampling_steps=12,
        lr_ratio=0.3,
        guidance_scale=2.0,
        negative_scale=3.0,
        # Drawn, twemoji, fluent-flat, noto, fluent-3d, …: a judge recognises the first ones more
        # often (docs/things.md), and they differ in looks.
        best_styles=(10, 3, 4, 1, 6, 2, 5, 8, 7, 9, 0),
        scenery_styles=(4, 1),  # whose small houses and trees are the clearest (docs/things.md)
    ),
    init=InitConfig(prior_samples=1),  # of more, CLIP chooses no better one (docs/things.md)
)

CONFIGS = {
    "picturebook": PICTUREBOOK,
    "sketch": SKETCH,
    "imagenet": IMAGENET,
    "imagenet-1024": IMAGENET,
    "gumbel": IMAGENET,
    "coco": IMAGENET,
    "faces": IMAGENET,
    "wikiart": IMAGENET,
}
