"""Accessibility: axe-core, the keyboard alone, small screens, reduced motion, screen readers."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.browser.conftest import Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"


async def assert_accessible(screen: Screen, state: str) -> None:
    """Asserts that axe-core finds no violations; in the dark theme, it checks contrast only."""
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        await screen.page.emulate_media(color_scheme=scheme)
        found = await Axe().run(screen.page, options=options)
        violations = [
            (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
            for each in found.response["violations"]
        ]
        assert violations == [], f"{state}, {scheme}"


async def test_axe_finds_no_violation_in_any_state(open_page: Callable[..., Any]) -> None:
    # Without transitions, so that axe-core never measures a colour halfway.
    async with open_page(reduced_motion="reduce") as screen:
        await assert_accessible(screen, "an empty channel")
        await screen.type_command("/")
        await expect(screen.suggestions.first).to_be_visible()
        await assert_accessible(screen, "the list of commands")
        await screen.composer.fill("/imagine include: a red circle steps: no")
        for option in ("size", "image", "private"):
            await screen.page.get_by_role("button", name=f"Add {option}:").click()
        await screen.keyboard.press("Enter")
        await expect(screen.page.locator("[aria-invalid=true]")).to_be_visible()
        await assert_accessible(screen, "a command with an invalid option")
        await screen.keyboard.press("Escape")
        job_message = await screen.imagine("a red circle", steps=30)
        await assert_accessible(screen, "a queued job message")
        await screen.wait_finished(job_message)
        await screen.button("Details", job_message).click()
        await expect(screen.messages.nth(1)).to_contain_text("Made with")
        await screen.button("Timelapse", job_message).click()
        await expect(screen.page.locator("video")).to_be_visible()
        await assert_accessible(screen, "an image, details and a timelapse")
        await screen.button("More for this message", job_message).click()
        await expect(screen.page.get_by_role("menu")).to_be_visible()
        await assert_accessible(screen, "a menu")
        await screen.keyboard.press("Escape")
        await screen.button("Edit", job_message).click()
        await expect(screen.page.get_by_role("dialog")).to_be_visible()
        await assert_accessible(screen, "a form")
        await screen.keyboard.press("Escape")
        await job_message.locator(".picture").click()
        await assert_accessible(screen, "an image in its dialog")
        await screen.keyboard.press("Escape")
        await screen.button("Behind the scenes").click()
        await expect(screen.debug_panel.locator(".requests li").first).to_be_visible()
        await screen.debug_panel.locator(".requests summary").first.click()
        await assert_accessible(screen, "behind the scenes")
        await screen.button("Gallery").click()
        await expect(screen.page.locator(".card").first).to_be_visible()
        await assert_accessible(screen, "the gallery")


async def test_everything_is_reachable_by_keyboard(screen: Screen) -> None:
    """From the skip link to an image, its menu and a form, and on to another member."""
    page, keyboard = screen.page, screen.keyboard
    await page.reload()
    await expect(page.get_by_role("button", name="Gallery", exact=True)).to_be_visible()
    await keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == "Skip to the message box"
    await keyboard.press("Enter")
    await expect(screen.composer).to_be_focused()
    await keyboard.type("/imagine")
    await expect(screen.suggestions.first).to_be_visible()
    await keyboard.press("Enter")
    await keyboard.type("a green circle")
    await keyboard.press("Tab")
    for _ in range(4):  # to "Add steps"
        assert (await page.evaluate(FOCUSED)).startswith("Add ")
        if (await page.evaluate(FOCUSED)).startswith("Add steps"):
            break
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await keyboard.type("20")
    count = await screen.messages.count()
    await keyboard.press("Enter")
    job_message = screen.messages.nth(count)
    await screen.wait_finished(job_message)

    await _tab_back_to(screen, "li.message")
    await expect(page.locator("li.message:focus")).to_have_count(1)
    await keyboard.press("End")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert await page.evaluate(outline) == "solid"
    await keyboard.press("Shift+F10")
    await expect(page.get_by_role("menuitem", name="Imagine from this image")).to_be_focused()
    report = page.get_by_role("menuitem", name="Report to moderators")
    while not await report.evaluate("node => node === document.activeElement"):
        await keyboard.press("ArrowDown")
    await keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Report #")
    await expect(form.get_by_role("textbox")).to_be_focused()
    await keyboard.press("Escape")
    await expect(form).to_have_count(0)
    await expect(job_message).to_be_focused()
    await keyboard.press("Tab")  # the image
    await keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="a green circle")).to_be_visible()
    await keyboard.press("Escape")
    await keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == "🔁 Again"
    await keyboard.press("/")
    await expect(screen.composer).to_be_focused()
    await expect(screen.suggestions.first).to_be_visible()
    await keyboard.press("Escape")
    await keyboard.press("Backspace")
    await keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert "Mia" in await page.evaluate(FOCUSED)
    await keyboard.press("Enter")
    await expect(page.get_by_role("region", name="You")).to_contain_text("Mia")
    assert "Mia" in await page.evaluate(FOCUSED)  # the focus stays on the member


async def _tab_back_to(screen: Screen, wanted: str) -> None:
    for _ in range(40):
        await screen.keyboard.press("Shift+Tab")
        if await screen.page.evaluate(f"document.activeElement.matches('{wanted}')"):
            return
    raise AssertionError(f"Shift+Tab does not reach {wanted}")


async def test_a_narrow_screen_has_room_for_everything(open_page: Callable[..., Any]) -> None:
    narrow = {"width": 360, "height": 740}
    async with open_page(viewport=narrow, has_touch=True, reduced_motion="reduce") as screen:
        page = screen.page
        await screen.button("Servers and channels").click()
        await assert_accessible(screen, "channels")
        await _assert_fits(screen)
        await page.get_by_role("button", name="a-narrow-screen").click()
        await expect(page.get_by_role("navigation", name="Channels")).not_to_be_visible()
        await screen.button("Members").click()
        await page.get_by_role("button", name="Ben", exact=True).click()
        await screen.keyboard.press("Escape")
        # Acting as another member empties the message box, so wait for that first.
        await expect(page.locator('[aria-label="You"]')).to_contain_text("Ben")
        await screen.composer.fill("/imagine include: a small blue heart steps: 20 seed: 1")
        await _assert_fits(screen)
        await screen.button("Send").click()
        job_message = screen.messages.first
        await screen.wait_finished(job_message)
        await _assert_fits(screen)
        await screen.button("Behind the scenes").click()
        await expect(screen.debug_panel.locator(".requests li").first).to_be_visible()
        await _assert_fits(screen)
        await assert_accessible(screen, "behind the scenes")


async def _assert_fits(screen: Screen) -> None:
    """Asserts that no element extends beyond the window, and that the page does not scroll."""
    overflowing = await screen.page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((node) => node.checkVisibility({ visibilityProperty: true })
                && !node.closest(".unseen, .topic, .buckets code, .requests, .skip"))
            .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
            .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert overflowing == []
    assert await screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await screen.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


async def test_nothing_moves_with_reduced_motion(open_page: Callable[..., Any]) -> None:
    async with open_page(reduced_motion="reduce") as screen:
        await screen.imagine("a red circle", steps=10)
        animations = "document.getAnimations({ subtree: true }).length"
        assert await screen.page.evaluate(animations) == 0
        animated = await screen.page.evaluate(
            """[...document.querySelectorAll("*")].map((node) => getComputedStyle(node))
                .filter((style) => style.animationName !== "none"
                    || style.transitionDuration !== "0s").length"""
        )
        assert animated == 0


async def test_screen_readers_announce_changes_but_not_progress(screen: Screen) -> None:
    """A job message is announced when it appears and when its title changes, not at each frame."""
    await screen.page.evaluate(
        """() => {
            window.announced = [];
            new MutationObserver((changes) => changes.forEach((change) =>
                change.addedNodes.forEach((node) => announced.push(node.textContent))))
                .observe(document.getElementById("announcements"), { childList: true });
        }"""
    )
    await screen.wait_finished(await screen.imagine("a gray square", steps=40))
    announced = await screen.page.evaluate("announced")
    assert [each for each in announced if each == "Imagine: Painting"] == ["Imagine: Painting"]
    assert [each for each in announced if each == "Imagine: Painted"] == ["Imagine: Painted"]
    assert not any("step " in each for each in announced)
