"""Permissions and languages, as each member sees them."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_only_moderators_can_cancel_the_jobs_of_others(screen: Screen) -> None:
    """Ben requests an image. Ada gets an ephemeral refusal; Mia, a moderator, cancels the job."""
    channels = screen.page.get_by_role("navigation", name="Channels")
    await screen.act_as("Ben")
    job_message = await screen.imagine("snowy hills at night", steps=500)
    await screen.act_as("Ada")
    await expect(channels.get_by_text("moderators", exact=True)).to_have_count(0)
    await screen.button("Cancel", job_message).click()
    refusal = screen.messages.nth(1)
    await expect(refusal).to_contain_text("Only you can see this")
    await screen.composer.fill("/mod")
    await expect(screen.suggestions).to_have_count(0)
    await screen.composer.fill("")

    await screen.act_as("Mia")
    await expect(channels.get_by_text("moderators", exact=True)).to_be_visible()
    await expect(screen.messages).to_have_count(1)
    await screen.type_command("/mod qu")
    await screen.suggestions.filter(has_text="/mod queue").click()
    await screen.keyboard.press("Enter")
    await expect(screen.messages.nth(1)).to_contain_text("snowy hills")
    await screen.button("Cancel", job_message).click()
    await expect(job_message.locator(".container .heading")).to_have_text(
        "Cancelled", timeout=PATIENCE
    )


async def test_the_bot_says_when_it_may_not_attach_files(screen: Screen) -> None:
    await screen.open_channel("no-pictures")
    count = await screen.messages.count()
    await screen.imagine("a red circle")
    refusal = screen.messages.nth(count)
    await expect(refusal).to_contain_text("Attach Files")
    await screen.button("Dismiss message", refusal).click()
    await expect(screen.messages).to_have_count(count)


async def test_a_private_image_comes_by_direct_message(screen: Screen) -> None:
    response = await screen.imagine("a white heart on a black background", private="True", steps=20)
    await expect(response).to_contain_text("Only you can see this")
    await response.locator(".text button").click()
    await expect(screen.page.get_by_role("heading", name="Imagine", exact=True)).to_be_visible()
    job_message = screen.messages.filter(has_text="a white heart")
    await screen.wait_finished(job_message)
    await screen.button("Painters").click()
    await screen.act_as("Ben")
    await screen.button("Direct messages").click()
    await expect(screen.page.get_by_role("heading", name="Your conversation")).to_be_visible()
    await expect(screen.page.get_by_text("a white heart")).to_have_count(0)


async def test_members_see_the_bot_in_their_own_language(screen: Screen) -> None:
    await screen.page.get_by_label("Your language in Discord").select_option("Deutsch")
    job_message = await screen.imagine("a red circle", steps=10)
    await expect(job_message.locator(".container .heading")).to_have_text(
        "Gemalt", timeout=PATIENCE
    )
    await job_message.click(button="right", position={"x": 80, "y": 30})
    menu = screen.page.get_by_role("menu", name="Message")
    names = await menu.get_by_role("menuitem").all_inner_texts()
    assert not any("What was this prompt" in name for name in names)
    await menu.get_by_role("menuitem").nth(1).click()
    await expect(screen.messages.nth(1)).to_contain_text("a red circle")
    await screen.page.get_by_label("Your language in Discord").select_option("English")
    await expect(screen.page.get_by_label("Your language in Discord")).to_have_value("en-US")
