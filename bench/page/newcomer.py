"""`python -m bench.page.newcomer --out runs/newcomer`: how long a newcomer's requests take.

It opens the page of `make try` and types a newcomer's requests, each after the previous one has
ended. For each it reports the seconds from pressing Enter to the first response, the first frame
and the end, and the result; a contact sheet shows the messages. With `--address` it uses a page
that is already being served, such as that of an earlier version.
"""

import argparse
import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from playwright.async_api import Error, Locator, Page

from bench.markdown import table
from sandbox.browser import chromium, playground
from sandbox.processes import ProcessError

REQUESTS = (
    "/help",
    "/imagine include: a castle | fog:0.5",
    "/imagine include: a lighthouse in a storm",
    "/imagine include: a cat",
    "/imagine include: ein roter Kreis",
    "/imagine include: redd circel",
    "/imagine include: qwxz",
    "/imagine include: the moon over snowy hills at night",
)
"""What a newcomer tried in the first version, a meaningless prompt, and an example from that
version's help."""
PATIENCE = 120.0
"""Seconds after which a request counts as unanswered."""
DESKTOP = {"width": 1100, "height": 1000}
TILE = (420, 400)
"""Pixels of a message on the sheet, without its label."""
LABEL = 26
COLUMNS = 4

_MESSAGE_STATE = """(count) => {
    const message = document.querySelectorAll("li.message:not(.waiting)")[count];
    if (!message) return null;
    const shown = (mark) => [...message.querySelectorAll(`img[src*="${mark}"]`)]
        .some((img) => img.complete && img.naturalWidth);
    return { text: message.innerText, frame: shown("/step-"), image: shown("/imagine-") };
}"""


@dataclass(slots=True)
class Outcome:
    """The outcome of a request. Times are seconds from pressing Enter, None for what never came."""

    request: str
    response: float | None = None
    frame: float | None = None
    end: float | None = None
    text: str = ""
    screenshot: Image.Image | None = None

    def update(self, now: float, seen: dict[str, object]) -> None:
        """Records what is visible on the page now."""
        if self.response is None:
            self.response = now
        if seen["frame"] and self.frame is None:
            self.frame = now
        self.text = str(seen["text"])
        if seen["image"] or self.ended_without_image:
            self.end = now

    @property
    def ended_without_image(self) -> bool:
        """Whether it ended with a private message, or with a job message without an image."""
        return any(mark in self.text for mark in ("Only you can see this", "Not painted", "Failed"))

    @property
    def result(self) -> str:
        """`help`, `image`, `refused`, or `nothing`."""
        if self.end is None:
            return "nothing"
        if self.ended_without_image:
            return "help" if self.request == "/help" else "refused"
        return "image"


async def measure(address: str | None) -> tuple[float, list[Outcome]]:
    """Seconds until the page can be used, and the outcome of each request."""
    async with _page(address) as (page, seconds):
        return seconds, [await _request(page, request) for request in REQUESTS]


@asynccontextmanager
async def _page(address: str | None) -> AsyncIterator[tuple[Page, float]]:
    if address is None:
        async with playground() as own, _page(own) as opened:
            yield opened
        return
    async with chromium() as browser:
        page = await browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
        start = time.perf_counter()
        await page.goto(address)
        await page.locator("#composer-text").wait_for()
        await page.get_by_role("log").wait_for()
        yield page, time.perf_counter() - start


async def _request(page: Page, request: str) -> Outcome:
    outcome = Outcome(request)
    messages = page.locator("li.message:not(.waiting)")
    count = await messages.count()
    composer, command = page.locator("#composer-text"), request.split()[0]
    if command == request:  # a command without options is chosen from the list
        await composer.press_sequentially(request)
        await page.locator(".listbox li", has_text=command).first.click()
    else:
        await composer.fill(request)
        await page.get_by_role("form", name=f"Command {command}").wait_for()
    await page.keyboard.press("Enter")
    start = time.perf_counter()
    while time.perf_counter() - start < PATIENCE and outcome.end is None:
        seen = await page.evaluate(_MESSAGE_STATE, count)
        if seen:
            outcome.update(time.perf_counter() - start, seen)
        await asyncio.sleep(0.02)
    await page.wait_for_timeout(700)  # for the last image to be drawn
    outcome.screenshot = await _screenshot(messages.nth(count))
    return outcome


async def _screenshot(message: Locator) -> Image.Image | None:
    try:
        return Image.open(io.BytesIO(await message.screenshot(timeout=5000))).convert("RGB")
    except Error:
        return None


def report(seconds: float, outcomes: Sequence[Outcome]) -> str:
    """A Markdown table of all requests."""
    rows = [
        (
            f"`{each.request}`".replace("|", r"\|"),
            *map(_seconds, (each.response, each.frame, each.end)),
            each.result,
        )
        for each in outcomes
    ]
    columns = ("typed", "answer", "first frame", "end", "result")
    return f"{table(columns, rows)}\n\nThe page can be used after {seconds:.1f} s."


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def sheet(outcomes: Sequence[Outcome]) -> Image.Image:
    """Each request's message as it was at the end, below what was typed."""
    width, height = TILE
    rows = -(-len(outcomes) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * width, rows * (height + LABEL)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    for index, outcome in enumerate(outcomes):
        x, y = index % COLUMNS * width, index // COLUMNS * (height + LABEL)
        draw.text((x + 6, y + 4), outcome.request, "black", font)
        if outcome.screenshot:
            fitted = ImageOps.contain(outcome.screenshot, (width - 8, height - 8))
            canvas.paste(fitted, (x + 4, y + LABEL))
    return canvas


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("runs/newcomer"))
    parser.add_argument("--address", help="URL of a page that is already being served")
    arguments = parser.parse_args()
    try:
        seconds, outcomes = asyncio.run(measure(arguments.address))
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    sheet(outcomes).save(arguments.out / "newcomer.webp", quality=85, method=6)
    print(report(seconds, outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
