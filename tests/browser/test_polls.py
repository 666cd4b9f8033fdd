"""A poll on the page, from the first vote to the result."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from sandbox import Sandbox
from sandbox.discord.models import Draft
from tests.browser.conftest import Product, Screen
from tests.browser.test_accessibility import assert_accessible

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = timedelta(hours=1).total_seconds()


async def test_members_vote_and_see_what_won(browser: Browser) -> None:
    async with Sandbox() as discord:
        await discord.member("Ada")
        await discord.member("Ben")
        answers = [{"poll_media": {"text": text}} for text in ("a castle", "the sea")]
        poll = {"question": {"text": "Which theme?"}, "answers": answers, "duration": 1}
        page = await browser.new_page(reduced_motion="reduce")
        await page.goto(discord.page_url)
        screen = Screen(page, Product(discord.page_url, discord.client))
        discord.world.post(discord.channel, discord.world.application.bot, Draft(poll=poll))
        box = page.get_by_role("group", name="Which theme?")
        castle = box.get_by_role("button", name="a castle")
        sea = box.get_by_role("button", name="the sea")
        await castle.click()
        await expect(castle).to_have_attribute("aria-pressed", "true")
        await sea.press("Enter")  # one vote each
        await expect(sea).to_be_focused()
        await expect(castle).to_have_text("a castle0 votes")
        await assert_accessible(screen, "a poll")
        await screen.act_as("Ben")
        await expect(sea).to_have_attribute("aria-pressed", "false")
        await sea.click()
        await expect(box).to_contain_text("2 votes · ends in 59 minutes")
        discord.clock.advance(HOUR)
        await expect(screen.messages).to_have_count(2)
        await expect(screen.messages.nth(1)).to_contain_text("“the sea”, with 2 of 2 votes")
        await expect(box).to_contain_text("🏆 the sea")
        await expect(sea).to_have_attribute("aria-pressed", "true")
        await assert_accessible(screen, "a poll that has ended")
        await page.close()
