"""`python -m bench.load`: a burst of requests, a long queue, and a soak test under faults.

Each part prints a Markdown table and writes it to a folder.
"""

import argparse
import asyncio
from pathlib import Path

from bench.load import burst, queue, soak

PARTS = ("burst", "queue", "soak")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run one part (default: all)")
    parser.add_argument("--minutes", type=float, default=30.0, help="duration of the soak")
    parser.add_argument("--model", default="sketch", help="model of the burst (default: sketch)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=queue.SIZES, help="numbers of waiting jobs"
    )
    parser.add_argument("--out", type=Path, default=Path("out/load"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for part in (options.only,) if options.only else PARTS:
        text = asyncio.run(_run(part, options))
        print(text, flush=True)
        (options.out / f"{part}.md").write_text(text + "\n")


async def _run(part: str, options: argparse.Namespace) -> str:
    """Runs one part; returns its report."""
    match part:
        case "burst":
            return burst.report(await burst.measure(options.model))
        case "queue":
            return queue.report(await queue.measure(options.sizes))
    return soak.report(await soak.measure(options.minutes, options.out))


if __name__ == "__main__":
    main()
