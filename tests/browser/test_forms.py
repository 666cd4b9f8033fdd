"""Modals and select menus of the bot, as the page shows them."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Locator, expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


def mask() -> bytes:
    with io.BytesIO() as out:
        image = Image.new("L", (8, 8))
        image.paste(255, (0, 0, 4, 8))
        image.save(out, "PNG")
        return out.getvalue()


async def test_forms_have_radio_groups_and_take_files_and_open_again_after_an_error(
    screen: Screen,
) -> None:
    job_message = await screen.imagine("a red circle", steps=10)
    await screen.wait_finished(job_message)
    await screen.button("More", job_message).click()
    more = screen.messages.nth(1)

    await screen.button("Remix", more).click()
    form = screen.page.get_by_role("dialog", name="Remix #")
    group = form.get_by_role("radiogroup", name="How much to change the image")
    await expect(group.get_by_role("radio", name="Clearly")).to_be_checked()
    await group.get_by_text("A lot").click()
    await form.get_by_label("Include").fill("a castle | fog:-1")
    await screen.button("Submit", form).click()
    refused = screen.messages.nth(2)
    await expect(refused).to_contain_text("Include:")
    await screen.button("Edit again", refused).click()
    await expect(form.get_by_label("Include")).to_have_value("a castle | fog:-1")
    await expect(group.get_by_role("radio", name="A lot")).to_be_checked()
    await screen.keyboard.press("Escape")

    await screen.button("Repaint a part", more).click()
    form = screen.page.get_by_role("dialog", name="Repaint a part of #")
    file = {"name": "mask.png", "mimeType": "image/png", "buffer": mask()}
    await form.get_by_label("Or an image that's white there").set_input_files(file)
    await screen.button("Submit", form).click()
    await expect(form).to_have_count(0)
    await screen.wait_finished(screen.messages.nth(3))
    await expect(screen.messages.nth(3)).to_contain_text("repaint", timeout=PATIENCE)


async def choose(menu: Locator, value: str) -> None:
    """Chooses an option, and waits until the bot's edit of the message replaces the menu."""
    before = await menu.element_handle()
    await menu.select_option(value)
    await before.wait_for_element_state("hidden")


async def test_the_menus_of_prefer_fit_a_phone_and_save_what_is_chosen(
    open_page: Callable[..., Any],
) -> None:
    async with open_page(viewport={"width": 360, "height": 740}, has_touch=True) as screen:
        await screen.button("Servers and channels").click()
        await screen.page.get_by_role("button", name="the-menus-of-prefer-fit").click()
        await screen.composer.fill("/prefer")
        await screen.keyboard.press("Enter")
        await screen.button("Send").click()
        form = screen.messages.last
        when = form.get_by_label("Mention when ready")
        await expect(when).to_have_value("long")
        box = await form.locator(".container").bounding_box()
        assert box
        assert box["x"] + box["width"] <= 360
        await choose(when, "never")
        await choose(form.get_by_label("Images at once"), "2")
        await expect(when).to_have_value("never")
        await screen.composer.fill("/prefer")
        await screen.keyboard.press("Enter")
        count = await screen.messages.count()
        await screen.button("Send").click()
        again = screen.messages.nth(count)  # not `form`, which shows the same values
        await expect(again.get_by_label("Images at once")).to_have_value("2")
        await choose(again.get_by_label("Images at once"), "none")
        await expect(again.get_by_label("Images at once")).to_have_value("none")
