"""A newcomer's whole path: open, ask, watch, look, again, cancel."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_from_a_slash_to_an_image_and_on(screen: Screen) -> None:
    await screen.type_command("/ima")
    commands = screen.page.get_by_role("listbox", name="Commands")
    await expect(commands.get_by_role("option", name="/imagine")).to_contain_text("Create an image")
    await screen.keyboard.press("Enter")
    include = screen.page.get_by_role("combobox", name="include")
    await expect(include).to_be_focused()
    await screen.keyboard.type("a red circle on a white background")
    await screen.button("Add exclude: What to leave out, written the same way").click()
    await screen.keyboard.type("watermark")
    await screen.keyboard.press("Enter")

    card = screen.messages.first
    await expect(card).to_contain_text("Ada used /imagine")
    await expect(card.locator('img[src*="/step-"]')).to_be_visible(timeout=PATIENCE)
    await expect(card).to_contain_text("step ")
    await screen.painted(card)
    picture = card.get_by_role("img", name="a red circle on a white background")
    assert await picture.evaluate("node => node.complete && node.naturalWidth") == 512

    await screen.button("Timelapse", card).click()
    film = screen.page.locator("video")
    await expect(film).to_be_visible()
    played = await film.evaluate(
        """film => new Promise((done, failed) => {
            film.ontimeupdate = () => film.currentTime > 0.2 && done(film.currentTime);
            film.onerror = () => failed(film.error.message);
            film.play().catch(failed);
        })"""
    )
    assert played > 0.2

    await screen.button("Again", card).click()
    again = screen.messages.nth(2)
    await screen.button("Cancel", again).click()
    await expect(again.locator(".container .heading")).to_have_text("Cancelled")


async def test_frames_change_in_place_without_a_jump(screen: Screen) -> None:
    """Once the first frame is there, neither the picture nor what stands below it moves."""
    card = await screen.imagine("a blue star", steps=500)
    await expect(card.locator('img[src*="/step-"]')).to_be_visible(timeout=PATIENCE)
    seen = await screen.page.evaluate(
        """() => new Promise((done) => {
            const card = document.querySelector(".message");
            const parts = [".picture", ".components"];
            const frames = new Set(), places = new Set();
            let empty = 0;
            const look = () => {
                const img = card.querySelector(".picture img");
                frames.add(img.src.split("?")[0]);
                const tops = parts.map((part) => card.querySelector(part).getBoundingClientRect());
                places.add(tops.map((box) => Math.round(box.top)).join());
                if (!img.complete || !img.naturalWidth) empty++;
                if (frames.size < 3) requestAnimationFrame(look);
                else done({ places: places.size, empty });
            };
            look();
        })"""
    )
    assert seen == {"places": 1, "empty": 0}
    await screen.button("Stop and keep", card).click()
    await screen.painted(card)


async def test_a_recipe_is_changed_in_a_form_and_run_again_from_the_gallery(
    screen: Screen,
) -> None:
    card = await screen.imagine("a brown cross", exclude="watermark", steps=20, seed=4321)
    await screen.painted(card)
    await screen.button("Edit", card).click()
    form = screen.page.get_by_role("dialog", name="Edit #")
    await expect(form.get_by_label("Include")).to_have_value("a brown cross")
    await form.get_by_label("Include").fill("")
    await screen.button("Submit", form).click()
    await expect(form.get_by_label("Include")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Include").fill("an orange ring")
    await screen.button("Submit", form).click()
    await expect(form).to_have_count(0)
    await expect(screen.messages.nth(1)).to_contain_text("an orange ring")

    await screen.button("Gallery").click()
    entry = screen.page.locator(".card", has_text="a brown cross")
    for words in ("watermark", "64×64", "20", "4321"):
        await expect(entry).to_contain_text(words)
    await screen.button("Run again", entry).click()
    again = screen.messages.nth(2)
    await screen.painted(again)
    await expect(again).to_contain_text("seed 4321")
    # The same but for rounding, which depends on what is painted beside it.
    assert await _difference(screen, card, again) < 4


async def _difference(screen: Screen, card: Locator, other: Locator) -> float:
    """How far the finished pictures of two cards are apart on average, from 0 to 255."""
    images = [
        await each.locator("img[src*='/imagine-']").element_handle() for each in (card, other)
    ]
    distance = await screen.page.evaluate(
        """(images) => {
            const [one, two] = images.map((img) => {
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
                const context = canvas.getContext("2d");
                context.drawImage(img, 0, 0);
                return context.getImageData(0, 0, canvas.width, canvas.height).data;
            });
            return one.reduce((sum, value, at) => sum + Math.abs(value - two[at]), 0) / one.length;
        }""",
        images,
    )
    return float(distance)
