"""`python -m core`: backup and restore, for hosts."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.settings import SettingsError, load_settings
from core.storage.backup import BackupError, back_up, restore
from core.storage.paths import keep_files_private


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status, 0 or 1. What goes wrong ends in one sentence."""
    parsed = _parser().parse_args(arguments)
    keep_files_private()
    try:
        settings = load_settings()
        if parsed.command == "backup":
            back_up(settings, parsed.target)
            print(f"{parsed.target} holds the database and the pictures.")
        else:
            restore(settings, parsed.source, over=parsed.over)
            print(f"The database and the pictures are those of {parsed.source}.")
    except (SettingsError, BackupError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="The database and the pictures, kept safe."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    backup = commands.add_parser("backup", help="copy them, also while bot and engine work")
    backup.add_argument("target", type=Path, help="a new folder, or a file NAME.tar or NAME.tar.gz")
    back = commands.add_parser("restore", help="bring a backup back; stop bot and engine first")
    back.add_argument("source", type=Path, help="what `backup` has written")
    back.add_argument("--over", action="store_true", help="in place of what is there now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
