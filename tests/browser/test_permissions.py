"""Who may do what, as each of the members sees it."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_moderators_path(screen: Screen) -> None:
    """Ben asks; Ada may not cancel it and is told so alone; Mia may, and has /mod."""
    channels = screen.page.get_by_role("navigation", name="Channels")
    await screen.become("Ben")
    card = await screen.imagine("snowy hills at night", steps=500)
    await screen.become("Ada")
    await expect(channels.get_by_text("moderators", exact=True)).to_have_count(0)
    await screen.button("Cancel", card).click()
    refusal = screen.messages.nth(1)
    await expect(refusal).to_contain_text("Only you can see this")
    await screen.composer.fill("/mod")
    await expect(screen.suggestions).to_have_count(0)
    await screen.composer.fill("")

    await screen.become("Mia")
    await expect(channels.get_by_text("moderators", exact=True)).to_be_visible()
    await expect(screen.messages).to_have_count(1)
    await screen.type_command("/mod qu")
    await screen.suggestions.filter(has_text="/mod queue").click()
    await screen.keyboard.press("Enter")
    await expect(screen.messages.nth(1)).to_contain_text("snowy hills")
    await screen.button("Cancel", card).click()
    await expect(card.locator(".container .heading")).to_have_text("Cancelled", timeout=PATIENCE)


async def test_where_the_bot_may_not_attach_files_it_says_so(screen: Screen) -> None:
    await screen.enter("no-pictures")
    count = await screen.messages.count()
    await screen.imagine("a red circle")
    refusal = screen.messages.nth(count)
    await expect(refusal).to_contain_text("Attach Files")
    await screen.button("Dismiss message", refusal).click()
    await expect(screen.messages).to_have_count(count)


async def test_a_private_image_comes_by_direct_message(screen: Screen) -> None:
    answer = await screen.imagine("a white heart on a black background", private="True", steps=20)
    await expect(answer).to_contain_text("Only you can see this")
    await answer.locator(".text button").click()
    await expect(screen.page.get_by_role("heading", name="Imagine", exact=True)).to_be_visible()
    card = screen.messages.filter(has_text="a white heart")
    await screen.painted(card)
    await screen.button("Painters").click()
    await screen.become("Ben")
    await screen.button("Direct messages").click()
    await expect(screen.page.get_by_role("heading", name="Your conversation")).to_be_visible()
    await expect(screen.page.get_by_text("a white heart")).to_have_count(0)


async def test_everybody_reads_the_bot_in_their_own_language(screen: Screen) -> None:
    await screen.page.get_by_label("Your language in Discord").select_option("Deutsch")
    card = await screen.imagine("a red circle", steps=10)
    await expect(card.locator(".container .heading")).to_have_text("Gemalt", timeout=PATIENCE)
    await card.click(button="right", position={"x": 80, "y": 30})
    menu = screen.page.get_by_role("menu", name="Message")
    names = await menu.get_by_role("menuitem").all_inner_texts()
    assert not any("What was this prompt" in name for name in names)
    await menu.get_by_role("menuitem").nth(1).click()
    await expect(screen.messages.nth(1)).to_contain_text("a red circle")
    await screen.page.get_by_label("Your language in Discord").select_option("English")
    await expect(screen.page.get_by_label("Your language in Discord")).to_have_value("en-US")
