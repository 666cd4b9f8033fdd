"""Fuzzes everything that comes from outside, for as long as you like.

    python -m tests.fuzz --minutes 5 --only grammar

Parts: grammar (prompts), options, attachments (files and URLs), buttons (forged presses and forms,
against the whole bot in the local Discord), checkpoints, settings. The strategies and properties
are those of the tests (tests/outside.py, tests/bot/forging.py), which try a hundred examples each.
Run it in the root of the repository, with the extra `dev`. It prints the number of examples and,
for each failure, a minimal example with the seed that reproduces it. Exits with status 1 if a
property failed. Baseline: none; a property holds or it does not.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.outside import FUZZ_TARGETS, FuzzTarget

BATCH = 300
"""Examples between two checks of the time."""

PARTS = ("grammar", "options", "attachments", "buttons", "checkpoints", "settings")


@dataclass
class Outcome:
    """The result of fuzzing one part."""

    part: str
    examples: int = 0
    seconds: float = 0.0
    failure: str = ""


def fuzz(part: str, target: FuzzTarget, minutes: float, first_seed: int) -> Outcome:
    """Tries examples until the time is up or the property fails."""
    outcome, start = Outcome(part), time.monotonic()
    number = first_seed
    while not outcome.failure and time.monotonic() < start + minutes * 60:
        try:
            _run_batch(target, outcome, number)
        except Exception as error:
            command = f"python -m tests.fuzz --only {part} --seed {number}"
            notes = "\n".join(getattr(error, "__notes__", ()))
            outcome.failure = f"{type(error).__name__}: {error}\n{notes}\nReproduce: {command}"
        number += 1
    outcome.seconds = time.monotonic() - start
    return outcome


def _run_batch(target: FuzzTarget, outcome: Outcome, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.examples)
    def check(example: Any) -> None:
        outcome.examples += 1
        target.check(example)

    check()


@contextmanager
def _target(part: str) -> Iterator[FuzzTarget]:
    if part in FUZZ_TARGETS:
        yield FUZZ_TARGETS[part]
        return
    from tests.bot.forging import FORGERIES, forgery_scene

    with asyncio.Runner() as runner:
        context = forgery_scene()
        scene = runner.run(context.__aenter__())
        check: Callable[[Any], None] = lambda example: runner.run(scene.forge(*example))  # noqa: E731
        try:
            yield FuzzTarget(FORGERIES, check)
        finally:
            runner.run(context.__aexit__(None, None, None))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=1.0, help="for each part")
    parser.add_argument("--only", choices=PARTS, action="append", help="can be repeated")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    arguments = parser.parse_args()
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it warns about each line it skips
    failed = False
    for part in arguments.only or PARTS:
        with _target(part) as target:
            outcome = fuzz(part, target, arguments.minutes, arguments.seed)
        failed = failed or bool(outcome.failure)
        verdict = "failed" if outcome.failure else "passed"
        print(f"{part:12} {outcome.examples:8,} examples {outcome.seconds:6.0f} s   {verdict}")
        if outcome.failure:
            print(outcome.failure)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
