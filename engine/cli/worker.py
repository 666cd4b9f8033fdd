"""`python -m engine`: the worker, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
from contextlib import suppress

from core.settings import Settings


def run(parsed: argparse.Namespace, settings: Settings) -> int:
    from engine.models import catalogue

    # Report wrong settings immediately, not after the slow imports.
    catalogue.find(settings.model)
    settings.token()
    from core.logging import configure_logging
    from core.storage.paths import keep_files_private
    from engine.service import serve

    keep_files_private()
    configure_logging(settings)

    async def serve_until_signal() -> None:
        task = asyncio.current_task()
        assert task
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await serve(settings)

    with suppress(asyncio.CancelledError):  # stopped by a signal
        asyncio.run(serve_until_signal())
    return 0
