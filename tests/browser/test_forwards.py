"""A member forwards a job message, and another one uses the forwarded image."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_image_is_forwarded_and_another_member_starts_from_it(screen: Screen) -> None:
    for number in range(30):  # more than fit in the window
        await screen.client.channel(f"shelf-{number}")
    await screen.client.channel("postcards")
    job_message = await screen.imagine("a red circle", steps=10)
    await screen.wait_finished(job_message)
    await screen.button("More for this message", job_message).click()
    await screen.page.get_by_role("menuitem", name="Forward").click()
    await screen.page.get_by_role("menuitem", name="#postcards").click()
    await screen.open_channel("postcards")

    await screen.act_as("Ben")
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
