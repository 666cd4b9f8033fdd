"""Troubles switched on behind the scenes, and how one sees the bot get over them."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_image_outlives_an_outage(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    behind = screen.behind
    card = await screen.imagine("a yellow triangle", steps=250)  # long enough to be met
    await expect(behind.get_by_role("region", name="Queue")).to_contain_text("#")
    down = behind.get_by_role("switch", name="Discord is down")
    await down.check()
    await expect(screen.page.locator("#banner")).to_contain_text("Discord is down")
    requests = behind.get_by_role("region", name="Requests")
    await expect(requests.get_by_text("503").first).to_be_visible(timeout=PATIENCE)
    await expect(behind).to_contain_text("The bot is not connected.")
    await down.uncheck()
    await screen.painted(card)
    await expect(behind).to_contain_text("The bot is connected.", timeout=PATIENCE)
    await expect(behind.get_by_role("region", name="Queue")).to_contain_text("No job is waiting")
    await expect(screen.page.locator("#banner")).to_be_empty()


async def test_a_cut_gateway_comes_back(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    left = screen.behind.get_by_text("sessions left today")
    before = int(re.findall(r"(\d+) resumed", await left.inner_text())[0])
    await screen.button("Drop the gateway").click()
    # It may be back before "not connected" is seen.
    resumed = re.compile(rf"The bot is connected\. .* {before + 1} resumed")
    await expect(left).to_contain_text(resumed, timeout=PATIENCE)
    await screen.imagine("a red circle", steps=10)


async def test_a_session_that_is_lost_is_begun_anew(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    left = screen.behind.get_by_text("sessions left today")
    before = int(re.findall(r"([\d,]+) sessions", await left.inner_text())[0].replace(",", ""))
    await screen.button("Drop it, session lost").click()
    begun = re.compile(rf"The bot is connected\. {before - 1:,} sessions")
    await expect(left).to_contain_text(begun, timeout=PATIENCE)


async def test_a_bot_that_cannot_answer_in_time_fails_where_discord_says_so(
    screen: Screen,
) -> None:
    await screen.button("Behind the scenes").click()
    await screen.behind.get_by_role("switch", name="Discord is down").check()
    await screen.composer.fill("/queue")
    await screen.suggestions.filter(has_text="/queue").click()
    await screen.keyboard.press("Enter")
    note = screen.page.locator(".message.note:not(.waiting)")
    await expect(note).to_contain_text("The application did not respond")
    await screen.button("Dismiss", note).click()
    await expect(note).to_have_count(0)
    await screen.behind.get_by_role("switch", name="Discord is down").uncheck()
    await expect(screen.behind).to_contain_text("The bot is connected.", timeout=PATIENCE)


async def test_requests_show_their_status_and_what_was_sent(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    await screen.imagine("a red circle", steps=10)
    requests = screen.behind.get_by_role("region", name="Requests")
    callback = requests.locator("li", has_text="/interactions/…/callback").first
    await expect(callback).to_contain_text("200")
    await callback.locator("summary").click()
    await expect(callback).to_contain_text('"type": 5')
    await expect(callback).to_contain_text("/token/callback")
    limits = screen.behind.get_by_role("region", name="Rate limits")
    await expect(limits.get_by_role("meter").first).to_be_visible()
