"""`make try` as a process, and its page in Chromium."""

import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from sandbox import SandboxClient
from sandbox.browser import CHROMIUM, NO_CHROMIUM, chromium, playground

PATIENCE = 180_000.0  #: milliseconds that a test waits for something before it fails
CHANNEL_NUMBERS = itertools.count(1)

expect.set_options(timeout=120_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips the tests in this folder if Chromium is not installed."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM))


@dataclass(frozen=True, slots=True)
class Product:
    """The running product: the page's URL, and a client that prepares channels for tests."""

    address: str
    client: SandboxClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product() -> AsyncIterator[Product]:
    """`make try`, once for all tests. Each test has its own channel; a request is one image."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IMAGES_PER_REQUEST", "1")
        async with playground() as address:
            url, token = address.split("/#")
            async with SandboxClient(url, token) as client:
                yield Product(address, client)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


class Screen:
    """A page object: finds elements by what a member sees or hears, rarely by CSS."""

    def __init__(self, page: Page, product: Product) -> None:
        self.page = page
        self.product = product
        self.client = product.client
        self.keyboard = page.keyboard
        self.composer = page.locator("#composer-text")
        # Without mentions that an image is ready, which only come on a busy machine.
        self.messages = page.get_by_role("log").locator(
            ":scope li.message:not(.note):not(:has-text('Your image is ready.'))"
        )
        self.suggestions = page.locator(".listbox").get_by_role("option")
        self.debug_panel = page.get_by_role("complementary", name="Behind the scenes")

    async def open_channel(self, channel: str) -> None:
        await self.page.get_by_role("navigation", name="Channels").get_by_text(channel).click()
        await expect(self.page.get_by_role("heading", name=channel, exact=True)).to_be_visible()

    async def act_as(self, name: str) -> None:
        await self.page.get_by_role("button", name=re.compile(f"^[A-Z]?{name}$")).click()
        await expect(self.page.get_by_role("region", name="You")).to_contain_text(name)

    async def type_command(self, text: str) -> None:
        """Types a command. Once its form opens, the rest goes into the first option."""
        await self.composer.click()
        await self.composer.press_sequentially(text)

    async def imagine(self, include: str, **options: str | int) -> Locator:
        """Types and sends `/imagine`. Returns the job message once it is there."""
        typed = "".join(f" {name}: {value}" for name, value in options.items())
        count = await self.messages.count()
        await self.composer.fill(f"/imagine include: {include}{typed}")
        await expect(self.page.get_by_role("form", name="Command /imagine")).to_be_visible()
        await self.keyboard.press("Enter")
        await expect(self.messages).to_have_count(count + 1)
        return self.messages.nth(count)

    def button(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    async def wait_finished(self, job_message: Locator) -> None:
        """Waits until a job message shows its finished image."""
        await expect(job_message).to_contain_text("Painted", timeout=PATIENCE)
        finished = job_message.locator('img[src*="/imagine-"]').first
        await expect(finished).to_be_visible(timeout=PATIENCE)


@pytest.fixture
def open_page(
    product: Product, browser: Browser, request: pytest.FixtureRequest
) -> Callable[..., Any]:
    """Opens the page in a channel named after the test.

    Afterwards asserts that the page raised no errors and requested nothing from other origins.
    """
    words = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))
    name = f"{words[:24]}-{next(CHANNEL_NUMBERS)}"

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Screen]:
        await product.client.channel(name)
        settings.setdefault("viewport", {"width": 1280, "height": 800})
        context = await browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        page_errors: list[str] = []
        requested_urls: list[str] = []
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.on("request", lambda each: requested_urls.append(each.url))
        await page.goto(product.address)
        screen = Screen(page, product)
        if page.viewport_size and page.viewport_size["width"] > 900:
            await screen.open_channel(name)
        try:
            yield screen
        finally:  # faults must not affect the next test
            await context.close()
            await product.client.post("/debug/switch", {"down": False, "slow": False})
            await product.client.wait_for_command("imagine")
        origin = product.address.partition("#")[0]
        assert page_errors == []
        assert [
            url for url in requested_urls if not url.startswith((origin, f"blob:{origin}"))
        ] == []

    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def screen(open_page: Callable[..., Any]) -> AsyncIterator[Screen]:
    """The page in a desktop-sized window, in the test's own channel, as Ada."""
    async with open_page() as opened:
        yield opened
