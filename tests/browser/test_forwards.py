"""A message that a member forwards, and what others do with it there."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_image_is_forwarded_and_another_member_starts_from_it(screen: Screen) -> None:
    for number in range(30):  # more than the window is high
        await screen.client.channel(f"shelf-{number}")
    await screen.client.channel("postcards")
    card = await screen.imagine("a red circle", steps=10)
    await screen.painted(card)
    await screen.button("More for this message", card).click()
    await screen.page.get_by_role("menuitem", name="Forward").click()
    await screen.page.get_by_role("menuitem", name="#postcards").click()
    await screen.enter("postcards")

    await screen.become("Ben")
    forwarded = screen.messages.last
    await expect(forwarded).to_contain_text("Forwarded")
    await expect(forwarded).to_contain_text("Painted")
    await expect(forwarded.locator('img[src*="/imagine-"]').first).to_be_visible(timeout=PATIENCE)
    await expect(screen.button("Again", forwarded)).to_have_count(0)
    await screen.button("More for this message", forwarded).click()
    await screen.page.get_by_role("menuitem", name="Imagine from this image").click()
    form = screen.page.get_by_role("dialog", name=re.compile("Imagine from this image"))
    await expect(form.get_by_label("Include")).to_be_visible()
    await screen.keyboard.press("Escape")
