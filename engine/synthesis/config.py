"""Every number of the method, and the values for each model.

Unless a comment names a source, a value was chosen with `python -m bench.quality` on practice
prompts, and `python -m bench.quality.ablation` compares it with its alternatives.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class CutoutConfig:
    """What CLIP sees of an image in one step."""

    count: int = 16  # of each image; 32 score no higher, 8 do worse (`bench.speed --only cutouts`)
    min_scale: float = 0.3  # side of a cutout, in shorter sides of the image
    max_scale: float = 1.0  # likewise; above 1 a cutout reaches beyond the image
    affine_std: float = 0.06  # standard deviation of rotation and shear, radians
    noise: float = 0.1  # upper bound of the noise's standard deviation, pixels from 0 to 1
    flip_p: float = 0.5  # share of mirrored cutouts
    part_margin: float = 0.1  # seen around a part that is painted anew, in shorter sides
    color_jitter: float = 0.1  # standard deviation of the contrast factor
    brightness_jitter: float = 0.05  # standard deviation of the shift of each channel, from 0 to 1


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the loss terms beside CLIP's, which has weight 1."""

    tv_weight: float = 0.0  # total variation: higher for flatter colour and cleaner edges
    prior_weight: float = 0.0  # score distillation from the prior, if the model has one
    init_weight: float = 4.0  # pull towards the initial image, for a recipe's `strength` of 1
    exclude_text_floor: float = 0.15  # cosine of unrelated texts: excludes push no further
    exclude_image_floor: float = 0.5  # likewise of unrelated images


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Adam, the sizes from coarse to fine, and early stopping."""

    learning_rate: float = 0.1  # of Adam; the usual value of VQGAN+CLIP programs
    min_lr_ratio: float = 0.1  # share of `learning_rate` at the last step, after half a cosine
    betas: tuple[float, float] = (0.9, 0.99)  # of Adam
    coarse_fraction: float = 0.5  # share of the steps at smaller sizes than the last
    min_side: int = 128  # shorter side of the smallest size, pixels
    patience: float = 0.2  # share of the steps without progress after which a job ends
    min_patience: int = 20  # steps; never fewer than this
    typical_share: float = 1.0  # of the steps, after which the median job ends
    min_delta: float = 0.001  # how far the loss must fall to count as progress
    loss_ema_weight: float = 0.2  # of the newest loss in the running mean
    scene_fade: float = 0.1  # share of the steps in which a scene of a story becomes the next
    sufficient_loss: float = -math.inf  # CLIP's, from which on there is nothing more to gain
    check_every: int = 10  # steps between checks, each of which waits for the device


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """How the model's prior is sampled and distilled, if it has one."""

    sampling_steps: int = 12  # Euler steps from noise to an image
    lr_ratio: float = 1.0  # of the learning rate, where an image starts or goes on from a sample
    guidance_scale: float = 2.0  # classifier-free guidance (Ho and Salimans, 2022)
    negative_scale: float = 12.0  # of excludes, perpendicular (Armandpour et al., 2023)
    presence_range: float = 0.1  # cosine above the floor at which an exclude is surely present
    t_min: float = 0.3  # timesteps of distillation: 0 is noise, below it the prior starts anew
    t_max: float = 0.8  # 1 is the image: above it the prior changes nothing
    style_share: float = 0.3  # probability of a style, of the likeliest one's, at which it is used
    every: int = 2  # steps from one distillation to the next


@dataclass(frozen=True, slots=True)
class PaletteConfig:
    """How pixels are limited to the colours of a palette; in squared distances of RGB, 0 to 3."""

    temperature: float = 0.005  # of the mixture of colours that a pixel is
    gradient_temperature: float = 0.5  # of the one whose gradient it gets


@dataclass(frozen=True, slots=True)
class InitConfig:
    """Where an image starts: the best of many candidates, or another job's latents."""

    prior_samples: int = 0  # candidates that the prior draws, if the model has one
    candidates: int = 32  # gradient images in each generation, if it has none
    children: int = 32  # candidates for each survivor of a generation
    mutation_stds: tuple[float, ...] = (0.2, 0.1, 0.05)  # one a generation; genes are 0 to 1
    flatness: float = 3.0  # exponent: how much more frequent flat grounds are than gradients
    blob_margin: float = 0.2  # distance of a blob's centre from the edge, in sides of the image
    blob_radius: tuple[float, float] = (0.16, 0.36)  # smallest and largest, in sides of the image
    blob_edge: float = 8.0  # steepness of a blob's edge
    blob_presence: float = 0.3  # gene value from which on a blob is visible
    blob_presence_edge: float = 20.0  # steepness of that threshold
    edge_noise: float = 0.1  # standard deviation, on edges that are continued, pixels from 0 to 1
    # Largest difference from the ground of its own pixels, 0 to 1; white things differ by more.
    ground_tolerance: float = 0.035
    edge_width: int = 2  # pixels at a thing's edge that may be mixed with the ground
    edge_share: float = 0.9  # of the difference next to it, from which on a pixel is all thing
    thing_margin: float = 0.03  # around a thing that fills its place, share of the image's side
    max_warp: float = 0.5  # of a variation of strength 1, in half sides of the image


@dataclass(frozen=True, slots=True)
class OutlineConfig:
    """The lines of what starts as an outline drawing. Chosen by eye and by a judge of styles."""

    contrast: float = 0.15  # difference of neighbouring pixels above which a line starts, 0 to 1
    width: int = 3  # pixels


@dataclass(frozen=True, slots=True)
class FilmConfig:
    """How a film travels through its image. Tried by eye on films of the embedded model."""

    zoom: float = 1.02  # factor from one frame to the next
    pan: float = 1 / 64  # from one frame to the next, in sides of the image
    turn: float = 1.0  # from one frame to the next, degrees
    lr_ratio: float = 0.6  # share of the schedule's learning rate, in every frame
    mean_weight: float = 0.4  # of the newest latents in the moving mean that is shown


@dataclass(frozen=True, slots=True)
class SynthesisConfig:
    """The method with one model."""

    quantize: bool = True  # decode codes of the codebook, straight-through; else raw latents
    cutouts: CutoutConfig = field(default_factory=CutoutConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    palette: PaletteConfig = field(default_factory=PaletteConfig)
    init: InitConfig = field(default_factory=InitConfig)
    outline: OutlineConfig = field(default_factory=OutlineConfig)
    film: FilmConfig = field(default_factory=FilmConfig)


def override(config: SynthesisConfig, values: Mapping[str, Any]) -> SynthesisConfig:
    """A copy with other values, by keys such as `quantize` or `cutouts.count`.

    Raises ValueError for a key that does not exist.
    """
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        if key not in flat(config):
            raise ValueError(f"There is no {key!r}. The keys are {', '.join(flat(config))}.")
        if section:
            name, value = section, replace(getattr(config, section), **{name: value})
        config = replace(config, **{name: value})
    return config


def flat(config: SynthesisConfig) -> dict[str, Any]:
    """All values by the keys of `override`."""
    values: dict[str, Any] = {"quantize": config.quantize}
    for section in ("cutouts", "loss", "schedule", "prior", "palette", "init", "outline", "film"):
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
    schedule=ScheduleConfig(min_side=64, typical_share=0.4),  # `bench.speed --only estimate`
    init=InitConfig(prior_samples=16, candidates=384),
)

PICTUREBOOK = SynthesisConfig(
    cutouts=CutoutConfig(
        count=8, min_scale=0.5, flip_p=0.0, color_jitter=0.05, brightness_jitter=0.025
    ),
    # The floors are above 95 % of the cosines of unrelated names and images.
    loss=LossConfig(
        tv_weight=0.02, prior_weight=2.0, exclude_text_floor=0.19, exclude_image_floor=0.25
    ),
    schedule=ScheduleConfig(
        learning_rate=0.05,
        coarse_fraction=0.0,  # an image starts with its fine structure
        patience=0.1,
        min_patience=10,
        min_delta=0.02,
        typical_share=0.7,  # of jobs that take more than ten steps: `bench.speed --only estimate`
        sufficient_loss=-0.5,  # 9 in 10 real images are less similar (`bench.quality.things`)
    ),
    # Samples are nearly done: at the whole learning rate, 60 steps bend their outlines.
    prior=PriorConfig(sampling_steps=12, lr_ratio=0.3, guidance_scale=2.0, negative_scale=3.0),
    init=InitConfig(prior_samples=2),  # of more, CLIP chooses no better one (docs/things.md)
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
