"""`python -m sandbox`: runs the local Discord until SIGINT or SIGTERM."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from sandbox.fixtures import populate
from sandbox.product import is_pending
from sandbox.server import Sandbox


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="A local Discord on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) picks a free port")
    parser.add_argument("--data-dir", type=Path, help="where uploaded files are stored")
    parser.add_argument(
        "--page", action="store_true", help="add members and channels for trying the page"
    )
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON line")
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(
        port=arguments.port, data_dir=arguments.data_dir, is_pending=is_pending
    ) as discord:
        if arguments.page:
            populate(discord)
        addresses = {
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_TOKEN": discord.token,
            "DISCORD_GUILD_ID": str(discord.guild.id),
            "SANDBOX_URL": discord.url,
            "SANDBOX_TOKEN": discord.control_token,
            "SANDBOX_PAGE": discord.page_url,
        }
        if arguments.json:
            print(json.dumps(addresses), flush=True)
        else:
            print("\n".join(f"{name}={value}" for name, value in addresses.items()), flush=True)
        await stop.wait()


def main() -> None:
    arguments = read_arguments()
    try:
        asyncio.run(run(arguments))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        sys.exit(f"The sandbox cannot listen on port {arguments.port}: {reason}.")


if __name__ == "__main__":
    main()
