"""`python -m bench.speed`: time and memory of rendering, compared with the usual loop.

Both alternate, A B A B, in one run on one machine, so that other load affects both; ratios of
medians count. The usual loop is `bench.speed.baseline`. The full-size networks have random weights,
which take the same time as the published ones.
"""

import argparse
import ctypes
import gc
import itertools
import json
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from bench.markdown import table
from bench.quality.prompts import held_out
from bench.speed.baseline import PlainLoop, nearness
from bench.speed.random_weights import untrained_imagenet
from core.recipe import Recipe
from core.sizes import MIN_SIDE
from engine.device import choose_device, description, use_cores
from engine.job_files import JobFiles, is_kept
from engine.media import Provenance
from engine.models import catalogue
from engine.models.checkpoints import read_vqgan
from engine.models.model import Model, load_model
from engine.renderer_handle import images_at_a_time
from engine.synthesis.config import CONFIGS, SynthesisConfig, override
from engine.synthesis.job_state import coarse_to_fine
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest

PLAIN, OURS = "plain", "ours"
CPU = choose_device("cpu")
TEXT = "a red circle on a white background"

STAGES = ("decode", "cutouts", "embed", "backward")
"""Parts of a step, which both loops mark with `record_function`; everything else is the rest."""

STEPS = {"sketch": 100, "imagenet": 300}
"""Default steps of each model."""
LABELS = {"rows": "images"}  #: of the parameters in `growth`
ROWS = images_at_a_time("cpu", side=64)
"""Images that the engine renders at a time on a CPU."""
CHECK = 10
"""Steps between two measurements of an image's score."""
LARGE = 12 * 2**30
"""Bytes of memory that a machine needs for 512 × 512 in the usual loop."""


# -- arithmetic ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of one value or more."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def ratio(one: Sequence[float], other: Sequence[float]) -> Spread:
    """How many times `other` fits into `one`, measured in turns.

    The ratio of the medians, between the quartiles of the ratios turn by turn, which are widened
    where the ratio of the medians lies outside.
    """
    medians = statistics.median(one) / statistics.median(other)
    turns = Spread.of([a / b for a, b in zip(one, other, strict=True)])
    return Spread(min(turns.low, medians), medians, max(turns.high, medians))


# -- measuring -------------------------------------------------------------------------------


Timing = dict[str, float]
"""Seconds of one step, by stage, and of the `whole`."""


def in_turns(sides: Mapping[str, Callable[[], Timing]], turns: int) -> dict[str, list[Timing]]:
    """Each side once to warm up, then each in its turn, so many times."""
    for side in sides.values():
        side()
    measured: dict[str, list[Timing]] = {name: [] for name in sides}
    for _ in range(turns):
        for name, side in sides.items():
            measured[name].append(side())
    return measured


def timed(step: Callable[[], object]) -> Timing:
    """One call, with the seconds that it spends in each stage, in the rest, and as a whole."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        began = time.perf_counter()
        step()
        whole = time.perf_counter() - began
    spent = dict.fromkeys(STAGES, 0.0)
    for event in _events(profiled):
        if event.name() in spent:
            spent[event.name()] += event.duration_ns() / 1e9
    return {**spent, "rest": whole - sum(spent.values()), "whole": whole}


def metered(step: Callable[[], object], meter: Callable[[], float]) -> dict[str, float]:
    """One call, with how far it moves a meter in each stage, in the rest, and as a whole."""
    began = meter()
    with _StageMeter(meter) as stages:
        step()
    whole = meter() - began
    return {**stages.spent, "rest": whole - sum(stages.spent.values()), "whole": whole}


class _StageMeter(TorchDispatchMode):
    """Reads a meter where `record_function` enters and leaves a stage."""

    def __init__(self, meter: Callable[[], float]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._meter = meter
        self._entered: list[tuple[str, float]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if function is torch.ops.profiler._record_function_enter_new.default:
            self._entered.append((args[0], self._meter()))
        elif function is torch.ops.profiler._record_function_exit._RecordFunction:
            name, began = self._entered.pop()
            if name in self.spent:
                self.spent[name] += self._meter() - began
        return function(*args, **(kwargs or {}))


def _events(profiled: profile) -> Sequence[Any]:
    """All that was recorded; what is public leaves most of it out."""
    assert profiled.profiler
    assert profiled.profiler.kineto_results
    return profiled.profiler.kineto_results.events()


def _wholes(timings: Sequence[Timing]) -> list[float]:
    return [timing["whole"] for timing in timings]


# -- the two sides ---------------------------------------------------------------------------


@cache
def load(side: str, name: str) -> Model:
    """A model as we use it, or with taming's own decoder for the usual loop."""
    if name == "imagenet":
        return untrained_imagenet(CPU, quick=side == OURS)
    model = load_model(name, Path(), CPU)
    if side == OURS:
        return model
    entry = catalogue.find(name)
    folder = entry.folder(Path())
    return replace(
        model, vqgan=read_vqgan(folder / entry.config, folder / entry.vqgan, entry.fix_command)
    )


def stepper(side: str, name: str, pixels: int, cutouts: int, rows: int = 1) -> Callable[[], object]:
    """A step of one side, at full size from the start; `rows` images of it, if it is ours."""
    model = load(side, name)
    if side == PLAIN:
        return PlainLoop(model, TEXT, pixels, pixels, cutouts, seed=0).step
    renderer = Renderer(model, CPU, _only_steps(name, cutouts))
    for row in range(rows):
        renderer.add(RenderRequest(row, _recipe(name, TEXT, seed=row, pixels=pixels)))
    return renderer.step


def _only_steps(name: str, cutouts: int) -> SynthesisConfig:
    """A model's config for steps at full size, after a start that costs little."""
    changes = {"cutouts.count": cutouts, "schedule.coarse_fraction": 0.0}
    return override(CONFIGS[name], changes | {"init.prior_samples": 1, "init.candidates": 1})


def _recipe(name: str, text: str, seed: int, pixels: int = 0, steps: int = 0) -> Recipe:
    side = pixels or catalogue.find(name).side
    return Recipe.make(text, width=side, height=side, steps=steps or STEPS[name], seed=seed)


# -- one step --------------------------------------------------------------------------------


def step(quick: bool) -> tuple[str, Any]:
    """One step of both, whole and in stages."""
    plan = _coarse_to_fine()
    settings = [("sketch", 64, 8, 20), ("sketch", 64, 32, 10), ("imagenet", 256, 8, 3)]
    settings += [("imagenet", pixels, 32, 3) for pixels in plan.values()]
    if not quick and _enough_memory():
        settings.append(("imagenet", 512, 32, 2))
    wholes: list[Sequence[object]] = [("", "plain, s", "ours, s", "plain / ours")]
    split: list[Sequence[object]] = [("", *STAGES, "rest")]
    numbers: dict[str, Any] = {}
    medians: dict[tuple[str, int, int, str], float] = {}
    for name, pixels, cutouts, turns in settings:
        sides = {
            side: partial(timed, stepper(side, name, pixels, cutouts)) for side in (PLAIN, OURS)
        }
        measured = in_turns(sides, 1 if quick else turns)
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts"
        numbers[about] = measured
        seconds = {side: _wholes(measured[side]) for side in measured}
        wholes.append((about, *map(Spread.of, seconds.values()), ratio(*seconds.values())))
        for side, timings in measured.items():
            medians[name, pixels, cutouts, side] = statistics.median(seconds[side])
            parts = [statistics.median(t[part] for t in timings) for part in (*STAGES, "rest")]
            split.append((f"{about}: {side}", *(f"{part:.3f}" for part in parts)))
        _tell(wholes[-1])
        gc.collect()
    text = f"{table(wholes[0], wholes[1:])}\n\nMedian seconds of each part:\n\n"
    text += f"{table(split[0], split[1:])}\n\n{_full_size_picture(plan, medians)}"
    return text, numbers


def _coarse_to_fine() -> dict[int, int]:
    """From which step on a full-size image of ours has how many pixels on each side."""
    factor = load(OURS, "imagenet").vqgan.factor
    recipe = _recipe("imagenet", TEXT, seed=0)
    plan = coarse_to_fine(recipe, factor, CONFIGS["imagenet"].schedule)
    return {begin: height * factor for begin, (height, _) in plan.items()}


def _full_size_picture(
    plan: Mapping[int, int], medians: Mapping[tuple[str, int, int, str], float]
) -> str:
    """What the steps of a full-size image add up to."""
    steps, (*_, full) = STEPS["imagenet"], plan.values()
    ends = [*list(plan)[1:], steps]
    ours = sum(
        (end - begin) * medians["imagenet", pixels, 32, OURS]
        for (begin, pixels), end in zip(plan.items(), ends, strict=True)
    )
    plain = steps * medians["imagenet", full, 32, PLAIN]
    return (
        f"All {steps} steps of an image of {full} × {full} with 32 cutouts take {plain / 60:.1f} "
        f"minutes (plain) and, from coarse to fine, {ours / 60:.1f} minutes (ours), "
        f"{plain / ours:.2f} times as fast."
    )


# -- a whole image -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """How near an image on its way is to its text, after how many seconds and steps."""

    seconds: float
    steps: int
    score: float


def picture(quick: bool) -> tuple[str, Any]:
    """How long each loop takes until its image is as near to the text as the other's.

    The score to reach is the best that both come to: neither is asked for what it never finds.
    """
    texts = _texts(2 if quick else 16)
    longest = 100 if quick else 1000
    for side in (PLAIN, OURS):
        warm = stepper(side, "sketch", 64, 8)
        warm(), warm()
    rows: list[Sequence[object]] = [
        ("", "ours: best", "plain: best", "ours, s", "plain, s", "plain / ours", "ours to end, s")
    ]
    numbers: list[dict[str, Any]] = []
    for seed, text in enumerate(texts):
        ours = list(_looks_at_ours(text, seed))
        plain = list(_looks_at_plain(text, seed, best(ours).score, longest))
        score = min(best(ours).score, best(plain).score)
        reached = {OURS: first(ours, score), PLAIN: first(plain, score)}
        seconds = {side: look.seconds for side, look in reached.items()}
        whole = ours[-1].seconds
        numbers.append({"text": text, "score": score, **seconds, "whole": whole})
        bests = (f"{best(looks).score:.3f}" for looks in (ours, plain))
        times = (f"{seconds[side]:.1f}" for side in (OURS, PLAIN))
        times_as_fast = f"{seconds[PLAIN] / seconds[OURS]:.1f}"
        rows.append((text, *bests, *times, times_as_fast, f"{whole:.1f}"))
        _tell(rows[-1])
    plain_s, ours_s, whole_s = ([one[key] for one in numbers] for key in (PLAIN, OURS, "whole"))
    text = (
        f"To the same score, plain / ours: {ratio(plain_s, ours_s)}. Until ours ends, once nothing "
        f"improves: {ratio(plain_s, whole_s)}. The score is the similarity of the whole image to "
        "the text by the model's own CLIP, which both optimise. It is measured every "
        f"{CHECK} steps, in time that is not counted. The score to reach is the best that both "
        f"reach, the plain loop within {longest} steps. What the image shows is judged by "
        "`bench.quality` alone."
    )
    return f"{table(rows[0], rows[1:])}\n\n{text}", numbers


def best(looks: Sequence[Look]) -> Look:
    return max(looks, key=lambda look: look.score)


def first(looks: Sequence[Look], score: float) -> Look:
    """The first of them, in order, that is as near as that; one must be."""
    return next(look for look in looks if look.score >= score)


def _texts(count: int) -> list[str]:
    """Held-out prompts, evenly from all kinds; over again where more are wanted."""
    texts = [one.include for one in held_out() if not one.exclude]
    return list(itertools.islice(itertools.cycle(texts[:: len(texts) // 8]), count))


def _looks_at_ours(text: str, seed: int) -> Iterator[Look]:
    """Until the image is done."""
    model = load(OURS, "sketch")
    began = time.perf_counter()
    renderer = Renderer(model, CPU)
    renderer.add(RenderRequest(0, _recipe("sketch", text, seed)))
    seconds = time.perf_counter() - began
    while renderer.job_ids:
        began = time.perf_counter()
        (iteration,) = renderer.step()
        shown = iteration.images() if iteration.step % CHECK == 0 or iteration.done else []
        seconds += time.perf_counter() - began
        for image in shown:
            yield Look(seconds, iteration.step, nearness(model.perceptor, image, text))


def _looks_at_plain(text: str, seed: int, enough: float, longest: int) -> Iterator[Look]:
    """Until it is near enough, or for so many steps."""
    model = load(PLAIN, "sketch")
    began = time.perf_counter()
    loop = PlainLoop(model, text, 64, 64, CONFIGS["sketch"].cutouts.count, seed)
    seconds, score = time.perf_counter() - began, -1.0
    for taken in range(CHECK, longest + 1, CHECK):
        began = time.perf_counter()
        for _ in range(CHECK):
            loop.step()
        image = loop.picture()
        seconds += time.perf_counter() - began
        score = nearness(model.perceptor, image, text)
        yield Look(seconds, taken, score)
        if score >= enough:
            return


def _painted(
    renderer: Renderer, waiting: list[Recipe], enough: int, rows: int = ROWS
) -> list[StepOutput]:
    """Keeps `rows` images in the batch while any wait; the last steps of the first `enough`."""
    done: list[StepOutput] = []
    ids = itertools.count(1)
    while len(done) < enough:
        while waiting and len(renderer.job_ids) < rows:
            renderer.add(RenderRequest(next(ids), waiting.pop()))
        for iteration in renderer.step():
            if iteration.fault:
                raise RuntimeError(iteration.fault)
            if iteration.done:
                done.append(iteration)
    return done


# -- many jobs -------------------------------------------------------------------------------


def throughput(quick: bool) -> tuple[str, Any]:
    """Images per hour while jobs wait: ours in batches, the usual loop's one by one."""
    steps, texts = STEPS["sketch"], _texts(64)
    rows: list[Sequence[object]] = [("jobs waiting", "plain", "ours", "ours / plain")]
    numbers = {}
    for waiting in (1, 4) if quick else (1, 4, 16, 64):
        enough = min(16, max(4, waiting))
        began = time.perf_counter()
        _plain_pictures(texts[:2], steps)
        plain = 3600 * 2 / (time.perf_counter() - began)
        recipes = [
            _recipe("sketch", text, seed, steps=steps)
            for seed, text in enumerate(texts[: max(4, waiting)])
        ]
        began = time.perf_counter()
        renderer = Renderer(load(OURS, "sketch"), CPU)
        _painted(renderer, recipes[::-1], enough, rows=min(waiting, ROWS))
        ours = 3600 * enough / (time.perf_counter() - began)
        numbers[waiting] = {PLAIN: plain, OURS: ours}
        rows.append((waiting, f"{plain:.0f}", f"{ours:.0f}", f"{ours / plain:.2f}"))
        _tell(rows[-1])
    text = (
        f"Images of 64 × 64 per hour, {steps} steps with {CONFIGS['sketch'].cutouts.count} "
        f"cutouts, for various prompts. Ours renders {ROWS} at a time, and stops early. With 1 job "
        "waiting, four are rendered one after the other; with 64, the first 16 to finish are "
        "counted. The plain loop renders one after the other in any case; two are measured each "
        "time."
    )
    return f"{text}\n\n{table(rows[0], rows[1:])}", numbers


def _plain_pictures(texts: Sequence[str], steps: int) -> None:
    model, cutouts = load(PLAIN, "sketch"), CONFIGS["sketch"].cutouts.count
    for seed, text in enumerate(texts):
        loop = PlainLoop(model, text, 64, 64, cutouts, seed)
        for _ in range(steps):
            loop.step()


# -- growth ----------------------------------------------------------------------------------


def growth(quick: bool) -> tuple[str, Any]:
    """Seconds of our full-size step by images, cutouts and size, each with the others small."""
    start = {"rows": 1, "cutouts": 8, "pixels": 256}
    axes: dict[str, Sequence[int]] = {
        "rows": (1, 2, 4, 8),
        "cutouts": (4, 8, 16, 32, 64),
        "pixels": (128, 192, 256, 320, 384),
    }
    if quick:
        axes = {name: values[:3] for name, values in axes.items()}
    rows: list[Sequence[object]] = [("", "s per step")]
    numbers: dict[str, dict[int, list[float]]] = {name: {} for name in axes}
    for name, values in axes.items():
        for value in values:
            advance = stepper(OURS, "imagenet", **(start | {name: value}))
            turns = in_turns({OURS: partial(timed, advance)}, 1 if quick else 2)
            numbers[name][value] = _wholes(turns[OURS])
            rows.append((f"{LABELS.get(name, name)}: {value}", Spread.of(numbers[name][value])))
            _tell(rows[-1])
    about = "One step of ours with the full-size model; unless stated otherwise 1 image, 8 cutouts"
    return f"{about}, 256 × 256 pixels.\n\n{table(rows[0], rows[1:])}", numbers


def plot_growth(numbers: Mapping[str, Mapping[int, Sequence[float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    for axes, (name, by_value) in zip(figure.subplots(1, 3), numbers.items(), strict=True):
        medians = [statistics.median(seconds) for seconds in by_value.values()]
        axes.plot(list(by_value), medians, "o-")
        label = "pixels on each side" if name == "pixels" else LABELS.get(name, name)
        axes.set(xlabel=label, ylim=(0, 1.1 * max(medians)), xticks=list(by_value))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds per step")
    figure.savefig(path, dpi=120)


# -- frames ----------------------------------------------------------------------------------


def frames(quick: bool) -> tuple[str, Any]:
    """A job's loop with a kept frame at every step, and without any."""
    steps = 30 if quick else 100  # so few that each frame is kept
    sides = {"off": partial(_loop, steps, kept=False), "on": partial(_loop, steps, kept=True)}
    measured = in_turns(sides, 1 if quick else 4)
    seconds = {name: _wholes(timings) for name, timings in measured.items()}
    rows: list[Sequence[object]] = [("", "without frames, s", "with frames, s", "with / without")]
    rows.append(
        (f"{steps} steps", *map(Spread.of, seconds.values()), ratio(seconds["on"], seconds["off"]))
    )
    _tell(rows[-1])
    about = "sketch at 64 × 64; each step's frame is encoded and written during the next step."
    return f"{about}\n\n{table(rows[0], rows[1:])}", seconds


def _loop(steps: int, kept: bool) -> Timing:
    """Seconds from the first step to the last, the frames handed over as the worker does."""
    recipe = _recipe("sketch", TEXT, seed=0, steps=steps)
    renderer = Renderer(load(OURS, "sketch"), CPU)
    renderer.add(RenderRequest(0, recipe))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as saving:
        files = JobFiles(Path(folder), recipe, Provenance("sketch", {}))
        saved: Future[Path] | None = None
        began = time.perf_counter()
        while renderer.job_ids:
            (iteration,) = renderer.step()
            if kept and is_kept(iteration.step, iteration.steps):
                if saved:
                    saved.result()
                saved = saving.submit(_keep, files, iteration)
        return {"whole": time.perf_counter() - began}


def _keep(files: JobFiles, iteration: StepOutput) -> Path:
    return files.write_frame(iteration.step, iteration.images())


# -- memory ----------------------------------------------------------------------------------


def memory(quick: bool) -> tuple[str, Any]:
    """The peak memory of each side beyond its weights, each in a process of its own."""
    settings = [("sketch", 64, 8), ("imagenet", 256, 8)]
    settings += [] if quick else [("imagenet", 256, 32)]
    if not quick and _enough_memory():
        settings.append(("imagenet", 512, 32))
    heading = ("", "tensors: plain", "ours", "ratio", "process: plain", "ours", "ratio")
    rows: list[Sequence[object]] = [heading]
    numbers = {}
    for setting in settings:
        name, pixels, cutouts = setting
        plain, ours = (_memory_of(side, *setting) for side in (PLAIN, OURS))
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts"
        numbers[about] = {PLAIN: plain, OURS: ours}
        cells: list[str] = []
        for one, other in zip(plain, ours, strict=True):
            cells += [f"{one / 2**20:.0f}", f"{other / 2**20:.0f}", f"{one / other:.2f}"]
        rows.append((about, *cells))
        _tell(rows[-1])
    about = (
        "MiB: the peak of all tensors during a step, and the peak of the process in two steps, "
        "above a process that has only loaded the weights."
    )
    return f"{about}\n\n{table(rows[0], rows[1:])}\n\n{_foreseen(quick)}", numbers


def _foreseen(quick: bool) -> str:
    """The engine's estimate of a step's memory, compared with what it takes."""
    settings = [("sketch", 64, 8, 1), ("sketch", 64, 8, 4), ("sketch", 128, 8, 1)]
    settings += [("sketch", 192, 8, 1), ("imagenet", 256, 8, 1)]
    if not quick:
        settings += [("imagenet", 256, 32, 1), ("imagenet", 256, 8, 3), ("imagenet", 384, 8, 1)]
    rows: list[Sequence[object]] = [
        ("", "estimate", "tensors", "process", "estimate / tensors", "estimate / process")
    ]
    for name, pixels, cutouts, count in settings:
        idle, peak, tensors, foreseen = _apart(_remember_foreseen, name, pixels, cutouts, count)
        about = f"{name}, {pixels} × {pixels}, {cutouts} cutouts, {count} at once"
        taken = 1024 * (peak - idle)
        mib = [f"{each / 2**20:.0f}" for each in (foreseen, tensors, taken)]
        rows.append((about, *mib, f"{foreseen / tensors:.2f}", f"{foreseen / taken:.2f}"))
        _tell(rows[-1])
    about = (
        "MiB: the engine's estimate, the peak of all tensors during a step, and the peak of the "
        "process above one that has rendered 16 × 16."
    )
    return f"{about}\n\n{table(rows[0], rows[1:])}"


def _memory_of(side: str, name: str, pixels: int, cutouts: int) -> Sequence[int]:
    """Bytes of tensors, and of the process beyond what it has read."""
    return _apart(_remember, side, name, pixels, cutouts)


def _apart(measure: Callable[..., None], *setting: Any) -> Sequence[int]:
    """What a measurement sends from a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(sender, *setting))
    process.start()
    sender.close()
    try:
        found: Sequence[int] = receiver.recv()
    except EOFError:
        sys.exit(f"The process that was to measure the memory of {setting} died.")
    process.join()
    return found


def _remember(sender: Connection, side: str, name: str, pixels: int, cutouts: int) -> None:
    use_cores()
    load(side, name)
    gc.collect()
    idle = _status("VmRSS")
    advance = stepper(side, name, pixels, cutouts)
    advance(), advance()
    taken = 1024 * (_status("VmHWM") - idle)
    sender.send((_tensors_in(advance), taken))


def _remember_foreseen(
    sender: Connection, name: str, pixels: int, cutouts: int, count: int
) -> None:
    """Two steps; idle is after two of the smallest, so that what is loaded for any is there."""
    use_cores()
    model = load(OURS, name)
    config = _only_steps(name, cutouts)
    renderer = Renderer(model, CPU, config)
    recipes = [_recipe(name, TEXT, seed=row, pixels=pixels) for row in range(count)]
    foreseen = renderer.memory.needed(recipes, config)
    renderer.add(RenderRequest(0, _recipe(name, TEXT, seed=0, pixels=MIN_SIDE)))
    renderer.step(), renderer.step()
    renderer.abort(0)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    idle = _status("VmRSS")
    for row, recipe in enumerate(recipes):
        renderer.add(RenderRequest(row, recipe))
    renderer.step(), renderer.step()
    peak = _status("VmHWM")
    sender.send((idle, peak, _tensors_in(renderer.step), foreseen))


def _tensors_in(step: Callable[[], object]) -> int:
    """Bytes of tensors that a step holds at most, beyond those that were there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    events = [event for event in _events(profiled) if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    most: int = max(itertools.accumulate(event.nbytes() for event in events))
    return most


def _enough_memory() -> bool:
    """For 512 × 512 in the usual loop."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") > LARGE


def _status(field: str) -> int:
    """KiB, from Linux. `ru_maxrss` would not do: a child's begins with its parent's."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


# -- the report ------------------------------------------------------------------------------


SECTIONS: dict[str, tuple[str, Callable[[bool], tuple[str, Any]]]] = {
    "memory": ("Memory", memory),
    "step": ("One step", step),
    "picture": ("A whole image to the same score", picture),
    "throughput": ("Many jobs", throughput),
    "frames": ("Frames", frames),
    "growth": ("How a step scales", growth),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="less of everything, once")
    parser.add_argument("--out", type=Path, default=Path("out/speed"))
    options = parser.parse_args()
    use_cores()
    options.out.mkdir(parents=True, exist_ok=True)
    busy = os.getloadavg()[0]
    report = [f"{description()}; load {busy:.1f} before it began. In brackets: the quartiles."]
    numbers = {}
    for name in options.only:
        title, measure = SECTIONS[name]
        _tell((title,))
        text, numbers[name] = measure(options.quick)
        report.append(f"## {title}\n\n{text}")
        # After each section, so that an interrupted run has been of use.
        (options.out / "speed.md").write_text("\n\n".join(report) + "\n")
        (options.out / "speed.json").write_text(json.dumps(numbers, indent=1))
    if "growth" in numbers:
        plot_growth(numbers["growth"], options.out / "growth.png")
    print("\n\n".join(report))


def _tell(cells: Sequence[object]) -> None:
    """A measured line at once, for who waits."""
    print(" · ".join(str(cell) for cell in cells if cell != ""), file=sys.stderr, flush=True)
