"""`python -m engine weights`: lists, downloads and checks the files of the models."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from core.settings import Settings

if TYPE_CHECKING:
    from engine.models.weights import FileStatus, ModelStatus


def add_parser(commands: Any) -> None:
    weights = commands.add_parser(
        "weights", help="list, download and check the files of the models"
    )
    actions = weights.add_subparsers(required=True, metavar="list | pull MODEL | check [MODEL]")
    actions.add_parser("list", help="list the models").set_defaults(command=run_list)
    pull = actions.add_parser("pull", help="download a model, or resume its download")
    pull.add_argument("model")
    pull.set_defaults(command=run_pull)
    check = actions.add_parser("check", help="compare every byte with its checksum")
    check.add_argument("model", nargs="?", help="default: the setting MODEL")
    check.set_defaults(command=run_check)


def run_list(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import weights

    for status in weights.listing(settings.data_dir):
        _print_status(status)
    print(
        "\nTo use another model: python -m engine weights pull MODEL, then MODEL=… in .env;"
        "\nto try it without Discord: python -m engine render --model MODEL 'a castle in the fog'"
    )
    return 0


def run_pull(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import catalogue, weights

    status = weights.pull(catalogue.find(parsed.model), settings.data_dir)
    _print_status(status)
    return 0 if status.ready else 1


def run_check(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import catalogue, weights

    status = weights.check(catalogue.find(parsed.model or settings.model), settings.data_dir)
    _print_status(status)
    if not status.ready:
        print(f"Repair it with `{status.entry.fix_command}`.", file=sys.stderr)
    return 0 if status.ready else 1


def _print_status(status: "ModelStatus") -> None:
    from engine.models.weights import State

    entry = status.entry
    print(f"{entry.name}: {entry.about}; takes {entry.memory:g} GB of memory")
    print(f"  {_on_disk(status)}; {_readiness(status)}\n  {status.folder}")
    for file in status.files:
        note = (
            "" if file.published else " (no published checksum: compared with the first download)"
        )
        if file.state is State.PARTIAL:
            note = f" ({_readable(file.size)} so far)"
        print(f"  {file.name:<20} {_size(status, file):>12}  {file.state}{note}")


def _on_disk(status: "ModelStatus") -> str:
    """The size of its files on disk, including partial downloads."""
    size = sum(file.size for file in status.files)
    return f"{_readable(size)} on disk" if size else "nothing on disk"


def _readiness(status: "ModelStatus") -> str:
    """How to use the model, or how much has to be downloaded first."""
    from engine.models.weights import State

    entry = status.entry
    if status.ready:
        return f"ready: set MODEL={entry.name} in .env"
    if entry.embedded:
        return f"incomplete: {entry.fix_command}"
    published = {download.name: download.size for download in entry.downloads}
    left, at_least = 0, ""
    for file in status.files:
        size = published.get(file.name)
        if file.state is State.COMPLETE:
            continue
        if size is None:
            at_least = "at least "
        else:
            left += size - (file.size if file.state is State.PARTIAL else 0)
    return f"{at_least}{_readable(left)} to download: {entry.fix_command}"


def _size(status: "ModelStatus", file: "FileStatus") -> str:
    """The size of the complete file, if it is known."""
    published = {download.name: download.size for download in status.entry.downloads}
    size = published.get(file.name) or file.size
    return _readable(size) if size else "unknown size"


def _readable(size: int) -> str:
    """Bytes as GB, MB or kB, to about three digits."""
    if size >= 1e9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
