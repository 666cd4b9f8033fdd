"""`python -m bench.page --rounds 5`: how fast the page of `make try` is, and how large.

Each round requests an image on the page with the keyboard, while a scripted member without a page
watches the same channel. It measures the time from pressing Enter until the job message, the first
frame and the image reach each of them; on the page, until they are decoded and visible. The ratio
is what the page adds. The first round is a warm-up: the engine's first image takes longer.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from contextlib import aclosing
from typing import Any

from playwright.async_api import Page

from bench.markdown import table
from sandbox import Member, SandboxClient
from sandbox.browser import chromium, playground
from sandbox.processes import ProcessError
from sandbox.web.server import FOLDER

NAMES = {"card": "job message", "frame": "first frame", "picture": "image"}
MOMENTS = tuple(NAMES)
PROMPT = "a red circle on a white background"

_WATCH = """() => new Promise((done) => {
    const known = document.querySelectorAll("li.message").length;
    const seen = {}, marks = { frame: "/step-", picture: "/imagine-" };
    let start = null;
    const look = () => {
        const message = document.querySelectorAll("li.message:not(.note)")[known];
        if (message?.querySelector(".heading")) seen.card ??= performance.now() - start;
        for (const [name, mark] of Object.entries(marks)) {
            const img = message?.querySelector(`img[src*="${mark}"]`);
            if (img?.complete && img.naturalWidth) seen[name] ??= performance.now() - start;
        }
        if (seen.picture) done(seen);
        else requestAnimationFrame(look);
    };
    addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || start !== null) return;
        start = performance.now();
        look();
    }, true);
})"""


async def measure(rounds: int, steps: int) -> dict[str, Any]:
    """Seconds to each moment, on the page and for the scripted member, and the page's size."""
    async with playground() as address, chromium() as browser:
        url, token = address.split("/#")
        async with SandboxClient(url, token) as client:
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            sizes = await _load(page, address)
            watcher = await client.member("Watcher")
            measured = [await _round(page, watcher, steps) for _ in range(rounds + 1)]
    return {"rounds": measured[1:], "warm-up": measured[0], **sizes}


async def _load(page: Page, address: str) -> dict[str, float]:
    start = time.perf_counter()
    await page.goto(address)
    await page.get_by_role("button", name="Create an image").wait_for()
    loaded = time.perf_counter() - start
    await page.wait_for_timeout(300)
    sent = await page.evaluate(
        """() => [...performance.getEntriesByType("resource"),
                  ...performance.getEntriesByType("navigation")]
            .filter(({ name }) => name.includes("/page/") || !name.includes("/sandbox"))
            .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""
    )
    files = sum(file.stat().st_size for file in FOLDER.iterdir())
    return {"seconds to load": loaded, "bytes sent": sent, "bytes of files": files}


async def _round(page: Page, watcher: Member, steps: int) -> dict[str, dict[str, float]]:
    await page.locator("#composer-text").fill(f"/imagine include: {PROMPT} steps: {steps}")
    await page.get_by_role("form", name="Command /imagine").wait_for()
    watching = asyncio.Event()
    script = asyncio.create_task(_watch(watcher, watching))
    await watching.wait()
    shown = asyncio.create_task(page.evaluate(_WATCH))
    await asyncio.sleep(0.3)
    start = time.perf_counter()
    await page.keyboard.press("Enter")
    on_page = {name: value / 1000 for name, value in (await shown).items()}
    scripted = {name: moment - start for name, moment in (await script).items()}
    return {"page": on_page, "script": scripted}


async def _watch(watcher: Member, watching: asyncio.Event) -> dict[str, float]:
    """When a new job message, its first frame and its image reach a member without a page."""
    old = {message.id for message in await watcher.messages()}
    seen: dict[str, float] = {}
    async with aclosing(watcher.watch()) as changes:
        watching.set()
        async for change in changes:
            message = change.message
            if message is None or message.id in old:
                continue
            names = " ".join(file.filename for file in message.files)
            for moment, visible in (
                ("card", bool(message.title)),
                ("frame", "step-" in names),
                ("picture", "imagine-" in names),
            ):
                if visible and moment not in seen:
                    seen[moment] = time.perf_counter()
            if "picture" in seen:
                return seen
    raise ProcessError("The channel's stream ended.")


def report(measured: dict[str, Any]) -> str:
    """The medians as Markdown."""
    rows = []
    for moment in MOMENTS:
        page, script = (
            statistics.median(
                each[who][moment] for each in measured["rounds"] if moment in each[who]
            )
            for who in ("page", "script")
        )
        rows.append((NAMES[moment], f"{page:.2f} s", f"{script:.2f} s", f"{page / script:.2f}"))
    return (
        f"{table(('from Enter to', 'page', 'without a page', 'ratio'), rows)}\n\n"
        f"{measured['bytes sent']:,.0f} bytes sent for the page"
        f" ({measured['bytes of files']:,.0f} as files),\n"
        f"loaded in {measured['seconds to load']:.2f} s."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100, help="steps of each image")
    parser.add_argument(
        "--json", action="store_true", help="print all numbers as JSON instead of the table"
    )
    arguments = parser.parse_args()
    try:
        measured = asyncio.run(measure(arguments.rounds, arguments.steps))
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(measured) if arguments.json else report(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
