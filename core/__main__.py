"""`python -m core backup|restore`: backups of the database and the images."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.settings import SettingsError, load_settings
from core.storage.backup import BackupError, back_up, restore
from core.storage.paths import keep_files_private


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status, 0 or 1. Errors are printed as one sentence."""
    parsed = _parser().parse_args(arguments)
    keep_files_private()
    try:
        settings = load_settings()
        if parsed.command == "backup":
            back_up(settings, parsed.target)
            print(f"The database and the images were backed up to {parsed.target}.")
        else:
            restore(settings, parsed.source, over=parsed.over)
            print(f"The database and the images were restored from {parsed.source}.")
    except (SettingsError, BackupError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Backs up and restores the database and the images."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    backup = commands.add_parser("backup", help="make a backup; bot and engine can keep running")
    backup.add_argument("target", type=Path, help="a new folder, or a file NAME.tar or NAME.tar.gz")
    restoring = commands.add_parser("restore", help="restore a backup; stop bot and engine first")
    restoring.add_argument("source", type=Path, help="a backup")
    restoring.add_argument("--over", action="store_true", help="replace existing data")
    return parser


if __name__ == "__main__":
    sys.exit(main())
