"""Attacks everything that comes from outside, for as long as you like.

    python -m tests.fuzz --minutes 5 --only grammar

Parts: grammar (prompts), options, attachments (files and addresses), buttons (forged presses and
forms, against the whole bot in the local Discord), checkpoints, settings. What is tried, and the
law that it must keep, are those of the tests (tests/outside.py, tests/bot/forging.py), which try a
hundred; so run it in the root of the repository, with the extra `dev`. It says how many examples
ran, and of what broke the smallest example with the seed that finds it again, and ends with
status 1. Baseline: none; a law is kept or broken.
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

from tests.outside import ATTACKS, Attack

BATCH = 300
"""Examples between two looks at the clock."""

PARTS = ("grammar", "options", "attachments", "buttons", "checkpoints", "settings")


@dataclass
class Outcome:
    """How a part fared."""

    part: str
    examples: int = 0
    seconds: float = 0.0
    broken: str = ""


def fuzz(part: str, attack: Attack, minutes: float, first_seed: int) -> Outcome:
    """Tries examples until the time is up or the law is broken."""
    outcome, begun = Outcome(part), time.monotonic()
    number = first_seed
    while not outcome.broken and time.monotonic() < begun + minutes * 60:
        try:
            _batch(attack, outcome, number)
        except Exception as error:
            again = f"python -m tests.fuzz --only {part} --seed {number}"
            notes = "\n".join(getattr(error, "__notes__", ()))
            outcome.broken = f"{type(error).__name__}: {error}\n{notes}\nAgain: {again}"
        number += 1
    outcome.seconds = time.monotonic() - begun
    return outcome


def _batch(attack: Attack, outcome: Outcome, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(attack.examples)
    def keeps_its_law(example: Any) -> None:
        outcome.examples += 1
        attack.law(example)

    keeps_its_law()


@contextmanager
def _attack(part: str) -> Iterator[Attack]:
    if part in ATTACKS:
        yield ATTACKS[part]
        return
    from tests.bot.forging import FORGERIES, scene

    with asyncio.Runner() as runner:
        entered = scene()
        at = runner.run(entered.__aenter__())
        law: Callable[[Any], None] = lambda example: runner.run(at.forge(*example))  # noqa: E731
        try:
            yield Attack(FORGERIES, law)
        finally:
            runner.run(entered.__aexit__(None, None, None))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=1.0, help="for each part")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be said several times")
    parser.add_argument("--seed", type=int, default=0, help="where to begin")
    arguments = parser.parse_args()
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it tells of each line that it skips
    broken = False
    for part in arguments.only or PARTS:
        with _attack(part) as attack:
            outcome = fuzz(part, attack, arguments.minutes, arguments.seed)
        broken = broken or bool(outcome.broken)
        verdict = "broken" if outcome.broken else "nothing broke"
        print(f"{part:12} {outcome.examples:8,} examples {outcome.seconds:6.0f} s   {verdict}")
        if outcome.broken:
            print(outcome.broken)
        sys.stdout.flush()
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
