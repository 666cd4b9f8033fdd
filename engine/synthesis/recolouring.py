"""Gives things the colours that a prompt names, and takes away those that it excludes.

The prior was trained on vehicles, objects and symbols in all colours, but on animals, plants, food
and people only in their own: "a blue cat" came out orange.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import torch
from torch import Tensor
from torch.nn import functional as F

from core.understanding.composition import Colour
from engine.synthesis.config import RecolouringConfig

ORANGE = 30.0  #: hue in degrees; dark orange is called brown
EPSILON = 1e-6  #: avoids a division by zero


def recolour(image: Tensor, alpha: Tensor, colour: Colour, config: RecolouringConfig) -> Tensor:
    """The thing in an image (3, h, w), from 0 to 1, in another colour, with its own shading.

    `alpha` (1, h, w) is its matte. Only its most frequent hue changes, so that a rose's leaves stay
    green; a thing that is mostly black, white or gray changes as a whole.
    """
    hue, saturation, _ = hsv(image)
    colourful = alpha[0] * (saturation > config.min_saturation)
    if colourful.sum() > config.min_share * alpha.sum():
        frequent = most_frequent(hue, colourful * saturation)
        changed = colourful * (hue_distance(hue, frequent) < config.hue_range)
    else:
        changed = alpha[0]
    new_hue, new_saturation, new_value = map(
        float, hsv(image.new_tensor(colour).view(3, 1, 1) / 255)
    )
    return _repainted(image, changed, (new_hue, new_saturation, new_value), config)


def shape_matte(image: Tensor, config: RecolouringConfig) -> Tensor:
    """The alpha matte of a red shape on white (3, h, w): (1, h, w); values are from 0 to 1.

    It follows the saturation, so that no pale spots around the shape belong to it.
    """
    low, high = config.shape_range
    _, saturation, _ = hsv(image)
    return ((saturation - low) / (high - low)).clamp(0, 1)[None]


def roughness(images: Tensor, config: RecolouringConfig) -> Tensor:
    """How rough the outlines of red shapes on white are: (n, 3, h, w) → (n,).

    The length of an outline relative to the square root of the area in it. Infinite where there is
    no shape on a background: if hardly anything is red, or if something is at the image's edge.
    """
    mattes = torch.cat([shape_matte(image, config) for image in images])
    length = mattes.diff(dim=1).abs().sum((1, 2)) + mattes.diff(dim=2).abs().sum((1, 2))
    edges = torch.cat([mattes[:, [0, -1]].flatten(1), mattes[:, :, [0, -1]].flatten(1)], dim=1)
    fails = (edges.mean(1) > config.max_at_edge) | (mattes.mean((1, 2)) < config.min_shape)
    return (length / mattes.sum((1, 2)).sqrt()).masked_fill(fails, torch.inf)


def replace_excluded(
    image: Tensor, alpha: Tensor, excluded: Sequence[Colour], config: RecolouringConfig
) -> Tensor:
    """The thing in an image (3, h, w), from 0 to 1, without the `excluded` colours.

    Pixels of such a hue get the nearest one that is not its neighbour, so that red becomes yellow
    rather than orange. `alpha` (1, h, w) is the thing's matte. Black, white, gray
    and brown are not replaced.
    """
    hues = {nearest_hue(colour, config) for colour in excluded if is_vivid(colour, config)}
    if not hues or len(hues) == len(config.hues):
        return image
    hue, saturation, value = hsv(image)
    first, last = config.hue_ranges[config.hues.index(ORANGE)]
    brown = (hue > first) & (hue < last) & (value < config.max_brown)
    for old in sorted(hues):
        first, last = config.hue_ranges[old]
        inside = ((hue - first) % 360 < last - first) & ~brown
        changed = alpha[0] * inside * (saturation > config.min_excluded)
        new_hue = config.hues[replacement(old, hues, config)]
        image = _repainted(image, changed, (new_hue, *config.vivid), config)
    return image


def _repainted(
    image: Tensor, changed: Tensor, colour: tuple[float, float, float], config: RecolouringConfig
) -> Tensor:
    """The image with the pixels of the mask `changed` (h, w) in a colour: hue, saturation, value.

    Differences of saturation and value between the pixels are kept in proportion.
    """
    _, saturation, value = hsv(image)
    new_hue, new_saturation, new_value = colour
    darkest, lightest = config.value_range
    new_value = min(max(new_value, darkest), lightest)
    if new_saturation < config.min_saturation:
        saturation = saturation * new_saturation
    else:
        typical = max(median_where(saturation, changed), config.min_saturation)
        saturation = saturation * new_saturation / typical
        saturation = saturation.clamp(config.min_tint * new_saturation, 1)
    typical = max(median_where(value, changed), EPSILON)
    value = (value * new_value / typical).clamp(0, 1)
    repainted = rgb(torch.full_like(value, new_hue), saturation, value)
    return torch.lerp(image, repainted, smoothed(changed))


def is_vivid(colour: Colour, config: RecolouringConfig) -> bool:
    """Whether a colour has a hue, and is neither as pale as beige nor as dark as brown."""
    _, saturation, value = hsv(torch.tensor(colour)[:, None, None] / 255)
    return float(saturation) > config.min_vivid and float(value) > config.max_brown


def nearest_hue(colour: Colour, config: RecolouringConfig) -> int:
    """The index of the config's hue that is nearest to a colour's."""
    hue, _, _ = hsv(torch.tensor(colour)[:, None, None] / 255)
    return int(hue_distance(hue, torch.tensor(config.hues)).argmin())


def replacement(old: int, excluded: AbstractSet[int], config: RecolouringConfig) -> int:
    """The index of the hue that replaces an excluded one."""
    count = len(config.hues)
    allowed = [index for index in range(count) if index not in excluded]
    apart = [index for index in allowed if (index - old) % count not in (1, count - 1)]
    hues = torch.tensor(config.hues)
    distances = hue_distance(hues, config.hues[old]).tolist()
    return min(apart or allowed, key=distances.__getitem__)


def hsv(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in degrees, saturation and value from 0 to 1, each (h, w), of (3, h, w) from 0 to 1."""
    red, green, blue = image
    value, lowest = image.amax(0), image.amin(0)
    chroma = value - lowest
    smallest = torch.finfo(image.dtype).tiny  # black and gray are not divided by zero
    divisor = chroma.clamp_min(smallest)
    sextant = torch.where(
        value == red,
        (green - blue) / divisor % 6,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    return 60 * sextant, chroma / value.clamp_min(smallest), value


def rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The inverse of `hsv`: (3, h, w)."""
    offsets = hue.new_tensor([5.0, 3.0, 1.0])[:, None, None]
    k = (offsets + hue / 60) % 6
    return value * (1 - saturation * torch.minimum(k, 4 - k).clamp(0, 1))


def hue_distance(hue: Tensor, other: Tensor | float) -> Tensor:
    """The angle between hues, 0 to 180 degrees."""
    return ((hue - other + 180) % 360 - 180).abs()


def most_frequent(hue: Tensor, weights: Tensor) -> float:
    """The hue, in degrees, with the most weight within 30 degrees of it."""
    bins = (hue / 10).long().clamp(0, 35).flatten()
    histogram = hue.new_zeros(36).index_add_(0, bins, weights.flatten())
    around = F.avg_pool1d(F.pad(histogram[None, None], (3, 3), mode="circular"), 7, 1)[0, 0]
    return 10.0 * int(around.argmax()) + 5


def median_where(values: Tensor, mask: Tensor) -> float:
    """The median of (h, w) values where the mask is more than one half; 0 if it is empty."""
    chosen = values[mask > 0.5]
    return float(chosen.median()) if len(chosen) else 0.0


def smoothed(mask: Tensor) -> Tensor:
    """A mask (h, w) with soft edges, so that no seam shows."""
    return F.avg_pool2d(mask[None], 3, 1, 1)[0]
