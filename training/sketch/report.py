"""Evaluates the trained model on held-out scenes, with a gate for each network.

With a model that misses a gate, no method can render well: optimisation can't produce what the
VQGAN can't show or CLIP can't see.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import mannwhitneyu
from torch import Tensor

from engine.models.model import Model
from engine.models.vqgan import VQGAN
from training.data.drawing import draw
from training.data.drawn_batches import to_tensor
from training.data.drawn_scenes import (
    COLOURS,
    LANDS,
    SHAPES,
    SKIES,
    THINGS,
    TIMES,
    Scene,
    facts,
    random_figures,
    random_scene,
)
from training.judges.cnn import Judge
from training.judges.overlap import analyse

SCENES = 300
"""The number of held-out scenes of every kind, and of those with a single figure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of the report; `gate` is the minimum to pass, None if there is none."""

    name: str
    value: float
    unit: str
    gate: float | None = None

    @property
    def passed(self) -> bool | None:
        return None if self.gate is None else self.value >= self.gate


def write_report(model: Model, out: Path, runs: Path | None = None) -> list[Measure]:
    """Evaluates the model and writes `report.json`, `report.md` and `report.png` to `out`.

    `runs` has the training logs, for the learning curves.
    """
    random = Random("held out")
    scenes = [random_scene(random) for _ in range(SCENES)]
    single = list(_single_figures(random, SCENES))
    judge = Judge.load()
    measures = [
        *_reconstruction(model, scenes, judge),
        *_recognition(model, scenes, single),
        *_ceilings(model, scenes, single, judge),
    ]
    out.mkdir(parents=True, exist_ok=True)
    listed = [{**asdict(measure), "passed": measure.passed} for measure in measures]
    report = {"measures": listed, "scenes": SCENES, "checksums": model.checksums}
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "report.md").write_text(as_markdown(measures))
    _figure(model, scenes[:12], runs).savefig(out / "report.png", dpi=110)
    return measures


def as_markdown(measures: Sequence[Measure]) -> str:
    lines = [
        f"On {SCENES} held-out scenes of every kind and {SCENES} with a single figure.",
        "",
        "| | value | gate | |",
        "| --- | ---: | ---: | --- |",
    ]
    for measure in measures:
        gate = "" if measure.gate is None else f"{measure.gate:g} {measure.unit}".strip()
        word = {None: "", True: "passed", False: "**missed**"}[measure.passed]
        value = f"{measure.value:.4g} {measure.unit}".strip()
        lines.append(f"| {measure.name} | {value} | {gate} | {word} |")
    return "\n".join(lines) + "\n"


# The VQGAN


def decoded(vqgan: VQGAN, images: Tensor) -> Tensor:
    """(batch, 3, height, width) from 0 to 1: encoded, quantised, decoded and clamped."""
    with torch.no_grad():
        latents = vqgan.encode(images.to(vqgan.codebook.device))
        return vqgan.decode(vqgan.quantise(latents)).clamp(0, 1).cpu()


def reconstructed(vqgan: VQGAN, images: Sequence[Image.Image]) -> list[Image.Image]:
    """RGB images of one size after encoding, quantising and decoding."""
    return [
        Image.fromarray(row)
        for batch in torch.split(to_tensor(list(images)), 32)
        for row in (decoded(vqgan, batch) * 255).round().byte().movedim(1, -1).numpy()
    ]


def _reconstruction(model: Model, scenes: Sequence[Scene], judge: Judge) -> Iterator[Measure]:
    real = [draw(scene) for scene in scenes]
    after = reconstructed(model.vqgan, real)
    errors = (to_tensor(real) - to_tensor(after)).square().mean((1, 2, 3))
    yield Measure("reconstruction, of the mean squared error", _psnr(errors.mean()), "dB", 26)
    yield Measure("reconstruction, worst tenth of scenes", _psnr(errors.quantile(0.9)), "dB")
    marked = [scene.watermark for scene in scenes]
    before = ["watermark" in names for names in judge.find_facts(real)]
    still = ["watermark" in names for names in judge.find_facts(after)]
    seen = [s for s, b, m in zip(still, before, marked, strict=True) if b and m]
    name = "watermarks that the CNN judge sees, of those it sees before encoding and decoding"
    yield Measure(name, _percent(seen), "%", 80)
    yield Measure(
        "unmarked scenes in which it sees one after encoding and decoding",
        _percent([s for s, m in zip(still, marked, strict=True) if not m]),
        "%",
    )


def _psnr(error: Tensor) -> float:
    return float(-10 * error.log10())


def _percent(hits: Sequence[bool]) -> float:
    return 100 * sum(hits) / max(1, len(hits))


# The perceptor


def _single_figures(random: Random, count: int) -> Iterator[Scene]:
    while count:
        scene = random_figures(random)
        if len(scene.figures) == 1:
            count -= 1
            yield scene


@torch.no_grad()
def _recognition(
    model: Model, scenes: Sequence[Scene], single: Sequence[Scene]
) -> Iterator[Measure]:
    """Zero-shot classification: which of all coloured shapes CLIP finds in an image."""
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    texts = [f"{'an' if colour == 'orange' else 'a'} {colour} {shape}" for colour, shape in kinds]
    similarity = _embedded(model, single) @ model.perceptor.embed_texts(texts).cpu().t()
    chosen = [kinds[index] for index in similarity.argmax(1).tolist()]
    true = [(scene.figures[0].colour, scene.figures[0].shape) for scene in single]
    pairs = list(zip(chosen, true, strict=True))
    choice = f"CLIP’s choice of {len(kinds)} coloured shapes"
    yield Measure(f"{choice}: right shape", _percent([c[1] == t[1] for c, t in pairs]), "%", 90)
    yield Measure(f"{choice}: right colour", _percent([c[0] == t[0] for c, t in pairs]), "%", 95)
    yield Measure(f"{choice}: both right", _percent([c == t for c, t in pairs]), "%")
    (word,) = model.perceptor.embed_texts(["watermark"]).cpu()
    closeness = (_embedded(model, scenes) @ word).numpy()
    marked = np.array([scene.watermark for scene in scenes])
    wins = mannwhitneyu(closeness[marked], closeness[~marked]).statistic
    area = float(wins / (marked.sum() * (~marked).sum()))
    yield Measure("CLIP’s similarity to “watermark”: area under the curve", area, "", 0.95)


def _embedded(model: Model, scenes: Sequence[Scene]) -> Tensor:
    """(scenes, d) of unit length."""
    device = model.vqgan.codebook.device
    drawn = to_tensor([draw(scene, model.perceptor.resolution) for scene in scenes])
    batches = torch.split(drawn, 64)
    return torch.cat([model.perceptor.embed_images(b.to(device)).float().cpu() for b in batches])


# The judges

GROUPS = {
    "shapes": frozenset(SHAPES),
    "colours": frozenset(COLOURS),
    "grounds": frozenset(f"{colour} ground" for colour in COLOURS),
    "lands and times": frozenset((*LANDS, *TIMES)),
    "landscape elements": frozenset((*SKIES, *THINGS)),
    "watermark": frozenset(("watermark",)),
}


def _ceilings(
    model: Model, scenes: Sequence[Scene], single: Sequence[Scene], judge: Judge
) -> Iterator[Measure]:
    """The judges' results on drawings: the ceiling of their results on rendered images."""
    clear = [scene for scene in single if scene.pattern == "plain" and not scene.watermark]
    real = [draw(scene) for scene in clear]
    drawn = [draw(scene) for scene in scenes]
    yield from _overlap_results("real scenes", clear, real)
    yield from _overlap_results(
        "encoded and decoded scenes", clear, reconstructed(model.vqgan, real)
    )
    yield from _cnn_results("real scenes", scenes, judge.find_facts(drawn))
    again = judge.find_facts(reconstructed(model.vqgan, drawn))
    yield from _cnn_results("encoded and decoded scenes", scenes, again)


def _overlap_results(
    what: str, scenes: Sequence[Scene], images: Sequence[Image.Image]
) -> Iterator[Measure]:
    """Results on scenes of one shape on a plain background, without watermarks."""
    largest = [next(iter(analyse(image).figures), None) for image in images]
    pairs = [(found, scene.figures[0]) for found, scene in zip(largest, scenes, strict=True)]
    shapes = [found is not None and found.shape == true.shape for found, true in pairs]
    colours = [found is not None and found.colour == true.colour for found, true in pairs]
    yield Measure(f"overlap judge, {what} of one shape: right shape", _percent(shapes), "%")
    yield Measure(f"overlap judge, {what} of one shape: right colour", _percent(colours), "%")


def _cnn_results(
    what: str, scenes: Sequence[Scene], named: Sequence[frozenset[str]]
) -> Iterator[Measure]:
    """The F1 score of each group of facts."""
    true = [facts(scene) for scene in scenes]
    for group, words in GROUPS.items():
        correct = sum(len(t & n & words) for t, n in zip(true, named, strict=True))
        true_count = sum(len(t & words) for t in true)
        found_count = sum(len(n & words) for n in named)
        yield Measure(
            f"CNN judge, {what}: {group}, F1", 200 * correct / max(1, true_count + found_count), "%"
        )


# The figure


def _figure(model: Model, scenes: Sequence[Scene], runs: Path | None) -> Figure:
    """A figure: scenes, their reconstructions below, and the learning curves."""
    real = [draw(scene) for scene in scenes]
    curves = [(log.parent.name, *_curve(log)) for log in sorted(runs.glob("*/log"))] if runs else []
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    panels: Any = figure.subfigures(2, 1, height_ratios=(1, 1.6))
    grid = panels[0].subplots(2, len(real)).flat
    for axes, image in zip(grid, real + reconstructed(model.vqgan, real), strict=True):
        axes.imshow(image)
        axes.axis("off")
    for place, (training, name, curve) in enumerate(curves, start=1):
        axes = panels[1].add_subplot(1, len(curves), place)
        axes.plot(*zip(*curve, strict=True), linewidth=0.8)
        axes.set(title=training, xlabel="step", ylabel=name)
    return figure


def _curve(log: Path) -> tuple[str, list[tuple[int, float]]]:
    """The first value that a stage logs (its loss or PSNR), by step."""
    rows: dict[int, float] = {}
    name = ""
    for file in sorted(log.glob("version_*/metrics.csv"), key=lambda f: int(f.parent.name[8:])):
        with file.open(newline="") as lines:
            for line in csv.DictReader(lines):
                name = "psnr" if "psnr" in line else "loss"
                if line[name]:
                    rows[int(line["step"])] = float(line[name])
    return name, sorted(rows.items())
