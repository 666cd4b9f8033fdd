"""The screenshots of single messages and forms in `docs/features/`, part of `make screenshots`.

Scripted members run the commands, and the page shows what one of them sees.
"""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.async_api import Locator, Page

from sandbox.client.control import SandboxClient
from sandbox.client.member import Member
from sandbox.client.views import ChannelRef, MessageView
from sandbox.processes import ROOT

MAX_WAIT = 300.0
"""Seconds until an image must be finished, four times as long as usual."""
QUALITY = 90
"""Of WebP, from 0 to 100."""


class FeatureScreenshots:
    """Takes them in channels of their own, with the members of `make try`."""

    def __init__(self, page: Page, client: SandboxClient, folder: Path) -> None:
        self._page = page
        self._client = client
        self._folder = folder

    async def take(self) -> None:
        """Saves all of them."""
        studio, best = [await self._client.channel(name) for name in ("studio", "best-of")]
        ada, ben, mia, host = [
            await self._member(name, studio) for name in ("Ada", "Ben", "Mia", "Host")
        ]
        await mia.slash("mod hall-of-fame", channel=best, favourites=2)
        await self._show("Ada", studio)
        await self._keep_message("help", await self._answer(ada, "Press an example", "help"))
        await self._keep_message("prefer", await self._answer(ada, "Your defaults", "prefer"))
        image = await self._image(ada, "a fox in the snow", seed=3, count=1)
        await self._forms(image)
        await self._together(ada)
        for member in (ada, ben):
            await member.react(image, "⭐")
        await self._keep_message("reactions", image)
        await self._keep_message("history", await self._answer(ada, "Your images", "history"))
        await ada.use_menu("Describe this image", image)
        described = await ada.wait_for(lambda each: "Described" in each.text, patience=MAX_WAIT)
        await self._keep_message("describe", described)
        await self._in_best_of(ada, image, best)
        await self._moderation(ben, mia, image, studio)
        await self._host(host, studio)

    async def _forms(self, image: MessageView) -> None:
        """The form to edit a recipe, and its error."""
        message = self._message(image)
        await message.get_by_role("button", name="Edit").click()
        form = self._page.get_by_role("dialog")
        await self._keep("form", form)
        await form.get_by_label("Include").fill("a fox | snow:-1")
        await form.get_by_role("button", name="Submit").click()
        refused = self._page.locator("li.message", has_text="Edit again").last
        await self._keep("form-error", refused)

    async def _together(self, ada: Member) -> None:
        """The group message of two requests."""
        question = await self._answer(
            ada, "Queue them?", "imagine", include="a {red, green} star", steps=10, count=1
        )
        await ada.press(question, question.buttons[0].custom_id)
        group = await ada.wait_for(lambda each: "requests by" in each.text)
        await self._keep_message("together", group)

    async def _in_best_of(self, ada: Member, image: MessageView, best: ChannelRef) -> None:
        """A post in the hall of fame, and a forwarded message."""
        there = ada.at(best)
        post = await there.wait_for(lambda each: "favourites" in each.text)
        forwarded = await ada.forward(image, best)
        await self._show("Ada", best)
        await self._keep_message("hall-of-fame", post)
        await self._keep_message("forwarded", forwarded)

    async def _moderation(
        self, ben: Member, mia: Member, image: MessageView, studio: ChannelRef
    ) -> None:
        """The review queue, and a vote for a theme."""
        form = await ben.use_menu("Report to moderators", image)
        await ben.submit(form, reason="This is my fox")
        await self._show("Mia", studio)
        await self._keep_message("review", await self._answer(mia, "open report", "mod reports"))
        await mia.slash("mod theme", channel=studio, hours=24, themes="a castle | a mole")
        poll = await mia.wait_for(lambda each: "poll" in each.raw and bool(each.raw["poll"]))
        await self._keep_message("theme", poll)

    async def _host(self, host: Member, studio: ChannelRef) -> None:
        """What the host sees."""
        await self._show("Host", studio)
        await self._keep_message("host", await self._answer(host, "Engines", "host status"))
        statistics = await self._answer(host, "Waiting time", "host statistics")
        await self._keep_message("statistics", statistics)

    async def _member(self, name: str, channel: ChannelRef) -> Member:
        people = await self._client.get("/members")
        (person,) = [each for each in people if each["username"].casefold() == name.casefold()]
        return Member(self._client, int(person["id"]), name, channel.id)

    async def _image(self, member: Member, include: str, **options: int) -> MessageView:
        """A finished image's message."""
        reply = await member.slash("imagine", include=include, **options)
        message = await member.wait_filled(reply)
        return await member.wait_for(
            lambda each: each.id == message.id and each.title == "Painted", patience=MAX_WAIT
        )

    async def _answer(
        self, member: Member, text: str, command: str, **options: str | int
    ) -> MessageView:
        """The response to a command, once it contains a text."""
        reply = await member.slash(command, **options)
        first = reply.message.id if reply.message else 0
        return await member.wait_for(lambda each: each.id >= first and text in each.text)

    async def _show(self, name: str, channel: ChannelRef) -> None:
        """Acts as a member in a channel."""
        await self._page.locator("button.person", has_text=name).click()
        await self._page.get_by_role("region", name="You").get_by_text(name).wait_for()
        # An unread channel's label has more words.
        label = re.compile(rf"^{re.escape(channel.name)}\b")
        await self._page.get_by_role("button", name=label).click()
        await self._page.get_by_role("heading", level=1, name=channel.name).wait_for()

    def _message(self, message: MessageView) -> Locator:
        return self._page.locator(f"#message-{message.id}")

    async def _keep_message(self, name: str, message: MessageView) -> None:
        await self._keep(name, self._message(message))

    async def _keep(self, name: str, shown: Locator) -> None:
        """Saves a part of the page, once its images have loaded."""
        await shown.wait_for()
        await shown.scroll_into_view_if_needed()
        await self._page.mouse.move(0, 0)
        await self._page.wait_for_timeout(1000)
        image = Image.open(io.BytesIO(await shown.screenshot())).convert("RGB")
        path = self._folder / f"{name}.webp"
        image.save(path, quality=QUALITY, method=6)
        print(path.relative_to(ROOT), flush=True)
