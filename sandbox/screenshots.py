"""`make screenshots`: takes the screenshots in `docs/page/` and `docs/features/`."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Locator, Page

from sandbox.browser import chromium, playground
from sandbox.client.control import SandboxClient
from sandbox.feature_screenshots import FeatureScreenshots
from sandbox.processes import ROOT, ProcessError

FOLDER, FEATURES = ROOT / "docs" / "page", ROOT / "docs" / "features"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
TALL = {"width": 1280, "height": 940}
"""Shows four images with their buttons."""
PATIENCE = 120_000.0
QUALITY = 90
"""Of WebP, from 0 to 100."""


async def make_screenshots() -> None:
    """Saves every main state of the page, and many features, as WebP. Raises ProcessError."""
    async with playground() as address, chromium() as browser:
        url, token = address.split("/#")
        async with SandboxClient(url, token) as client:
            await client.wait_for_command("imagine")
            await _take_page(browser, address, FOLDER)
            async with _page(browser, address, "dark") as page:
                await FeatureScreenshots(page, client, FEATURES).take()


async def _take_page(browser: Browser, address: str, folder: Path) -> None:
    async with _page(browser, address, "dark") as page:
        await _commands(page, folder)
        await _painting(page, folder)
        await _several(page, folder)
        await _behind(page, folder)
    async with _page(browser, address, "light") as page:
        await _gallery(page, folder)
        await _moderator(page, folder)
    async with _page(browser, address, "dark", phone=True) as page:
        await page.locator(".picture").last.wait_for()
        await page.wait_for_timeout(500)
        await _keep(page, folder / "narrow.webp")


@asynccontextmanager
async def _page(
    browser: Browser, address: str, scheme: str, *, phone: bool = False
) -> AsyncIterator[Page]:
    context = await browser.new_context(
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        has_touch=phone,
    )
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_role("log").wait_for()
    yield page
    await context.close()


async def _keep(page: Page, path: Path) -> None:
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    shot.save(path, quality=QUALITY, method=6)
    print(path.relative_to(ROOT), flush=True)


async def _ask(page: Page, include: str, **options: str | int) -> Locator:
    written = "".join(f" {name}: {value}" for name, value in options.items())
    messages = page.locator("li.message:not(.note)")
    count = await messages.count()
    await page.locator("#composer-text").fill(f"/imagine include: {include}{written}")
    await page.get_by_role("form", name="Command /imagine").wait_for()
    await page.keyboard.press("Enter")
    await messages.nth(count).wait_for()
    return messages.nth(count)


async def _finished(message: Locator) -> None:
    await message.locator('img[src*="/imagine-"]').first.wait_for(timeout=PATIENCE)
    await message.page.wait_for_timeout(500)


async def _keep_message(page: Page, message: Locator, path: Path) -> None:
    """A message from its top to its buttons."""
    await page.set_viewport_size(TALL)  # type: ignore[arg-type]
    await message.evaluate("message => message.scrollIntoView({block: 'start'})")
    await page.wait_for_timeout(500)
    await _keep(page, path)
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


async def _commands(page: Page, folder: Path) -> None:
    await page.locator("#composer-text").press_sequentially("/")
    await page.get_by_role("listbox", name="Commands").wait_for()
    await _keep(page, folder / "commands.webp")
    await page.keyboard.press("Escape")


async def _painting(page: Page, folder: Path) -> None:
    message = await _ask(page, "an owl in the snow at night", exclude="watermark", seed=7)
    await message.locator('img[src*="/step-"]').wait_for(timeout=PATIENCE)
    await _keep(page, folder / "painting.webp")
    await _finished(message)
    await _keep_message(page, message, folder / "painted.webp")


async def _several(page: Page, folder: Path) -> None:
    include = "a cat and a dog"
    await page.locator("#composer-text").fill(f"/imagine include: {include} count: 4 seed: 11")
    form = page.get_by_role("form", name="Command /imagine")
    await form.get_by_role("button", name="Add style:").click()
    await form.get_by_role("button", name="Add steps:").click()
    await page.keyboard.type("9")
    await page.keyboard.press("Enter")
    await form.locator("[aria-invalid=true]").wait_for()
    await _keep(page, folder / "options.webp")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("30")
    messages = page.locator("li.message:not(.note)")
    count = await messages.count()
    await page.keyboard.press("Enter")
    await _finished(messages.nth(count))
    await _keep_message(page, messages.nth(count), folder / "several.webp")


async def _behind(page: Page, folder: Path) -> None:
    await page.get_by_role("button", name="Behind the scenes").click()
    message = await _ask(page, "a sailboat at sunset", seed=7)
    await message.locator('img[src*="/step-"]').wait_for(timeout=PATIENCE)
    down = page.get_by_role("switch", name="Discord is down")
    await down.check()
    await page.get_by_text("503", exact=True).first.wait_for(timeout=PATIENCE)
    await page.wait_for_timeout(500)
    await _keep(page, folder / "behind.webp")
    await down.uncheck()
    await _finished(message)


async def _gallery(page: Page, folder: Path) -> None:
    await page.get_by_role("button", name="Gallery").click()
    await page.locator(".card").nth(5).wait_for()
    await page.wait_for_timeout(500)
    await _keep(page, folder / "gallery.webp")


async def _moderator(page: Page, folder: Path) -> None:
    """Ben's job is running, and Mia looks at the queue as a moderator."""
    await page.get_by_role("button", name="imagine", exact=True).click()
    await _become(page, "Ben")
    message = await _ask(page, "a castle", steps=500, size="16:9")
    await message.locator('img[src*="/step-"]').wait_for(timeout=PATIENCE)
    await _become(page, "Mia")
    await page.locator("#composer-text").press_sequentially("/mod queue")
    await page.locator(".listbox li").first.click()
    await page.keyboard.press("Enter")
    await page.locator(".ephemeral .embed").last.wait_for()
    await page.get_by_role("button", name="Behind the scenes").hover()
    await _keep(page, folder / "moderator.webp")
    await message.locator("button.second", has_text="Cancel").click()
    await message.get_by_text("Cancelled").first.wait_for()


async def _become(page: Page, name: str) -> None:
    await page.locator("button.person", has_text=name).click()
    await page.get_by_role("region", name="You").get_by_text(name).wait_for()


def main() -> int:
    try:
        for folder in (FOLDER, FEATURES):
            folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(make_screenshots())
    except ProcessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
