"""The cost of keeping frames."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from bench.markdown import table
from bench.speed.loops import CPU, OURS, TEXT, load, recipe_of
from bench.speed.spread import Spread, ratio
from bench.speed.timing import Timing, alternate, show_progress, totals
from engine.job_files import JobFiles, is_kept
from engine.media import Provenance
from engine.synthesis.output import StepOutput
from engine.synthesis.renderer import Renderer
from engine.synthesis.request import RenderRequest


def measure(quick: bool) -> tuple[str, Any]:
    """Measures a job with a frame kept at every step, and without frames."""
    steps = 30 if quick else 100  # few enough that every frame is kept
    sides = {
        "off": partial(_time_job, steps, kept=False),
        "on": partial(_time_job, steps, kept=True),
    }
    measured = alternate(sides, 1 if quick else 4)
    seconds = {name: totals(timings) for name, timings in measured.items()}
    rows: list[Sequence[object]] = [("", "without frames, s", "with frames, s", "with / without")]
    rows.append(
        (f"{steps} steps", *map(Spread.of, seconds.values()), ratio(seconds["on"], seconds["off"]))
    )
    show_progress(rows[-1])
    about = "sketch at 64 × 64; each step's frame is encoded and written during the next step."
    return f"{about}\n\n{table(rows[0], rows[1:])}", seconds


def _time_job(steps: int, kept: bool) -> Timing:
    """Seconds from the first step to the last, with frames written as the worker does."""
    recipe = recipe_of("sketch", TEXT, seed=0, steps=steps)
    renderer = Renderer(load(OURS, "sketch"), CPU)
    renderer.add(RenderRequest(0, recipe))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        files = JobFiles(Path(folder), recipe, Provenance("sketch", {}))
        pending: Future[Path] | None = None
        start = time.perf_counter()
        while renderer.job_ids:
            (output,) = renderer.step()
            if kept and is_kept(output.step, output.steps):
                if pending:
                    pending.result()
                pending = executor.submit(_keep, files, output)
        return {"whole": time.perf_counter() - start}


def _keep(files: JobFiles, output: StepOutput) -> Path:
    return files.write_frame(output.step, output.images())
