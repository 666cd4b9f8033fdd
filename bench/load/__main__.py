"""`python -m bench.load`: what the product bears: a burst, a long queue, a long time.

Each prints a Markdown table and writes it into a folder.
"""

import argparse
import asyncio
from pathlib import Path

from bench.load import burst, queue, soak

PARTS = ("burst", "queue", "soak")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one of the parts; without, all of them")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the soak takes")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=queue.SIZES, help="how many jobs wait in the queues"
    )
    parser.add_argument("--out", type=Path, default=Path("out/load"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for part in (options.only,) if options.only else PARTS:
        text = asyncio.run(_measured(part, options))
        print(text, flush=True)
        (options.out / f"{part}.md").write_text(text + "\n")


async def _measured(part: str, options: argparse.Namespace) -> str:
    """The report of one part."""
    match part:
        case "burst":
            return burst.report(await burst.measured())
        case "queue":
            return queue.report(await queue.measured(options.sizes))
    return soak.report(await soak.measured(options.minutes, options.out))


if __name__ == "__main__":
    main()
