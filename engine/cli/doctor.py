"""`python -m engine doctor`: checks whether an engine could work with the settings."""

import argparse
import asyncio
from typing import Any

from core.settings import Settings


def add_parser(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="check the installation and say what is wrong")
    doctor.set_defaults(command=run)


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    from core.health import Severity
    from engine.doctor import examine

    findings = asyncio.run(examine(settings))
    for finding in findings:
        print(f"{finding.severity:<7}  {finding.sentence}")
    return 1 if any(finding.severity is Severity.ERROR for finding in findings) else 0
