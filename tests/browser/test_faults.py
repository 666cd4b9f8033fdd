"""Faults switched on in the debug panel, and what it shows while the bot recovers."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE, Screen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_image_survives_an_outage(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    debug_panel = screen.debug_panel
    # Enough steps for the outage to begin while the job runs.
    job_message = await screen.imagine("a yellow triangle", steps=120)
    await expect(debug_panel.get_by_role("region", name="Queue")).to_contain_text("#")
    down = debug_panel.get_by_role("switch", name="Discord is down")
    await down.check()
    await expect(screen.page.locator("#banner")).to_contain_text("Discord is down")
    requests = debug_panel.get_by_role("region", name="Requests")
    await expect(requests.get_by_text("503").first).to_be_visible(timeout=PATIENCE)
    await expect(debug_panel).to_contain_text("The bot is not connected.")
    await down.uncheck()
    await screen.wait_finished(job_message)
    await expect(debug_panel).to_contain_text("The bot is connected.", timeout=PATIENCE)
    await expect(debug_panel.get_by_role("region", name="Queue")).to_contain_text(
        "No job is waiting"
    )
    await expect(screen.page.locator("#banner")).to_be_empty()


async def test_a_dropped_gateway_connection_is_resumed(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    sessions = screen.debug_panel.get_by_text("sessions left today")
    before = int(re.findall(r"(\d+) resumed", await sessions.inner_text())[0])
    await screen.button("Drop the gateway").click()
    # The page may never show "not connected": the connection can be back before.
    resumed = re.compile(rf"The bot is connected\. .* {before + 1} resumed")
    await expect(sessions).to_contain_text(resumed, timeout=PATIENCE)
    await screen.imagine("a red circle", steps=10)


async def test_a_lost_session_is_replaced_by_a_new_one(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    sessions = screen.debug_panel.get_by_text("sessions left today")
    before = int(re.findall(r"([\d,]+) sessions", await sessions.inner_text())[0].replace(",", ""))
    await screen.button("Drop it, session lost").click()
    replaced = re.compile(rf"The bot is connected\. {before - 1:,} sessions")
    await expect(sessions).to_contain_text(replaced, timeout=PATIENCE)


async def test_a_bot_that_cannot_respond_in_time_shows_discords_error(
    screen: Screen,
) -> None:
    await screen.button("Behind the scenes").click()
    await screen.debug_panel.get_by_role("switch", name="Discord is down").check()
    await screen.composer.fill("/queue")
    await screen.suggestions.filter(has_text="/queue").click()
    await screen.keyboard.press("Enter")
    note = screen.page.locator(".message.note:not(.waiting)")
    await expect(note).to_contain_text("The application did not respond")
    await screen.button("Dismiss", note).click()
    await expect(note).to_have_count(0)
    await screen.debug_panel.get_by_role("switch", name="Discord is down").uncheck()
    await expect(screen.debug_panel).to_contain_text("The bot is connected.", timeout=PATIENCE)


async def test_requests_show_their_status_and_payload(screen: Screen) -> None:
    await screen.button("Behind the scenes").click()
    await screen.imagine("a red circle", steps=10)
    requests = screen.debug_panel.get_by_role("region", name="Requests")
    callback = requests.locator("li", has_text="/interactions/…/callback").first
    await expect(callback).to_contain_text("200")
    await callback.locator("summary").click()
    await expect(callback).to_contain_text('"type": 5')
    await expect(callback).to_contain_text("/token/callback")
    limits = screen.debug_panel.get_by_role("region", name="Rate limits")
    await expect(limits.get_by_role("meter").first).to_be_visible()
