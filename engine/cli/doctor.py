"""`python -m engine doctor`: checks whether an engine could run with the settings."""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

from core.health import Finding, Severity
from core.settings import Settings

MARKS = {Severity.OK: "✓", Severity.WARNING: "!", Severity.ERROR: "✗"}
COLOURS = {Severity.OK: 32, Severity.WARNING: 33, Severity.ERROR: 31}
"""ANSI colours: green, yellow and red."""


def add_parser(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="check the installation and say what is wrong")
    doctor.set_defaults(command=run)


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.doctor import examine

    coloured = supports_colour(sys.stdout)
    findings = asyncio.run(examine(settings))
    for finding in findings:
        print(checklist_line(finding, coloured=coloured))
    print(f"\n{summary(findings)}")
    return 1 if any(finding.severity is Severity.ERROR for finding in findings) else 0


def supports_colour(stream: TextIO) -> bool:
    """Whether it is a terminal and NO_COLOR (https://no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def checklist_line(finding: Finding, *, coloured: bool) -> str:
    """A finding with its mark, in colour if `coloured`."""
    mark = MARKS[finding.severity]
    if coloured:
        mark = f"\x1b[{COLOURS[finding.severity]}m{mark}\x1b[0m"
    return f"{mark} {finding.sentence}"


def summary(findings: Sequence[Finding]) -> str:
    """How many checks passed; if there is exactly one problem, also its sentence."""
    counts = Counter(finding.severity for finding in findings)
    parts = [
        _count(counts[Severity.OK], "check") + " passed",
        *(
            _count(counts[each], each)
            for each in (Severity.ERROR, Severity.WARNING)
            if counts[each]
        ),
    ]
    problems = [each.sentence for each in findings if each.severity is not Severity.OK]
    what = "." if not problems else f": {problems[0]}" if len(problems) == 1 else ": see above."
    return ", ".join(parts) + what


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
