"""Every request of the real bot against Discord's own description."""

from bot.client import ImagineBot
from sandbox import Member, Sandbox
from tests.bot.conftest import told
from tests.openapi import assert_valid


async def test_all_that_the_bot_asks_of_discord_is_in_its_description(
    bot: ImagineBot, sandbox: Sandbox, ada: Member, bob: Member
) -> None:
    card = await ada.wait_filled(await ada.slash("imagine", include="a hill", exclude="fog"))
    await ada.wait_filled(await ada.slash("imagine", include="a red circle"))
    await ada.slash("imagine", include="fog:-1")
    await ada.slash("queue")
    await told(ada, "Waiting")
    await ada.complete("cancel", "job", job="")
    await ada.slash("cancel")
    await told(ada, "Job #2 is cancelled.")
    await ada.slash("cancel", job=2)
    await told(ada, "it is cancelled")
    await bob.press(card, card.buttons[0].custom_id)
    await told(bob, "Only the member who asked")
    await ada.press(card, card.buttons[0].custom_id)
    await ada.wait_for(lambda message: "Cancelled by Ada" in message.text)
    await bot.close()
    assert_valid(sandbox.requests)
