"""What members ask for is painted: from `/imagine` to the picture in the channel."""

import asyncio
import io
import os
import re
from base64 import b64encode
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.job import State
from core.recipe import Recipe
from sandbox import Member, MessageView
from tests.end_to_end.conftest import ENDS, PATIENCE, Product, pictures_of, recipe_in, title
from tests.openapi import assert_valid

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = re.compile(r"`[█░]{10}` (?P<percent>\d+) %(?P<left> · about \d+ (s|min) left)?")
STEP = re.compile(r"step-(\d+)\.webp")


@dataclass(frozen=True)
class Frame:
    """A progress picture as a member saw it, with the text around it."""

    name: str
    text: str
    picture: Image.Image


async def watch(member: Member) -> list[Frame]:
    """Every frame in the member's channel, until a card says how it ended."""
    frames: list[Frame] = []
    async with asyncio.timeout(PATIENCE), aclosing(member.watch()) as changes:
        async for change in changes:
            if change.message is None:
                continue
            if title(change.message) in ENDS:
                break
            for file in change.message.files:
                assert file.content_type == "image/webp"
                picture = Image.open(io.BytesIO(await member.download(file)))
                frames.append(Frame(file.filename, change.message.text, picture))
    return frames


async def test_an_image_forms_in_the_channel(product: Product) -> None:
    await product.start("bot")
    (ada,) = await product.members("Ada")
    options = {
        "include": "a red circle | a white background:0.5",
        "exclude": "watermark",
        "steps": 150,
        "seed": 7,
    }
    card = await product.ask(ada, **options)  # the engine comes later: the card is there at once
    assert "In the queue\nPosition 1\n" in card.text
    assert [button.label for button in card.buttons] == ["Cancel"]

    watching = asyncio.create_task(watch(ada))
    await product.start("engine")
    frames = await watching
    assert len(frames) >= 2
    steps = []
    for frame in frames:
        numbers = NUMBERS.search(frame.text)
        assert numbers, frame.text
        step = STEP.fullmatch(frame.name)
        assert step, frame.name
        # How long steps take is known once the first one is done.
        assert bool(numbers["left"]) == (step[1] != "1"), frame.text
        assert int(numbers["percent"]) == 100 * int(step[1]) // 150
        assert frame.picture.format == "WEBP"
        assert frame.picture.size == (512, 512)
        steps.append(int(step[1]))
    assert steps == sorted(set(steps))
    assert len({frame.picture.tobytes() for frame in frames}) == len(frames)

    (final,) = await product.job_messages(ada)
    assert final.id == card.id
    assert "Upscale" in [button.label for button in final.buttons]
    assert not final.content
    assert re.search(r"Painted\nReady after \d+ s(, at step \d+ of 150)?\.\n", final.text)
    (picture,) = await pictures_of(ada, final)
    assert picture.format == "PNG"
    assert max(picture.size) >= 512
    asked = Recipe.make(**options, width=64, height=64)  # type: ignore[arg-type]
    assert recipe_in(picture) == asked
    assert (await product.job_of(final)).recipe == asked


async def test_two_members_are_rendered_for_at_the_same_time(product: Product) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    cards = [
        await product.ask(ada, "a green square", steps=25, seed=1),
        await product.ask(bob, "a blue sea and the moon", steps=25, seed=1),
    ]
    finals = [await product.ended(ada, card) for card in cards]
    pictures = [await pictures_of(ada, final) for final in finals]
    assert [len(each) for each in pictures] == [1, 1]
    assert pictures[0][0].tobytes() != pictures[1][0].tobytes()
    jobs = [await product.posted(card) for card in cards]
    assert max(job.started_at or 0 for job in jobs) < min(job.finished_at or 0 for job in jobs)
    assert [message.id for message in await product.job_messages(ada)] == [
        card.id for card in cards
    ]


async def test_a_member_who_asks_for_much_does_not_hold_up_one_who_asks_for_little(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    flooder, bob = await product.members("Flooder", "Bob")
    first = await product.ask(flooder, "pine trees", count=4, steps=500)  # fills the engine
    await product.painting(first)
    second = await product.ask(flooder, "pine trees", steps=10)
    third = await product.ask(flooder, "pine trees", steps=10)
    little = await product.ask(bob, "a red circle", steps=10)
    assert [place(card) for card in (second, third, little)] == [1, 2, 1]
    await flooder.press(first, first.buttons[0].custom_id)
    jobs = [await product.posted(card) for card in (little, second, third)]
    assert [job.state for job in jobs] == [State.DONE] * 3
    began = [job.started_at for job in jobs]
    assert began == sorted(began, key=lambda moment: moment or 0)


async def test_a_running_job_is_cancelled_within_a_step(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    card = await product.ask(ada, "a yellow star", steps=500)
    await product.painting(card)
    await ada.press(card, card.buttons[0].custom_id)
    job = await product.posted(card)
    dropped = await product.until(lambda: product.entries("engine", "job dropped"))
    assert dropped[-1]["job"] == job.id
    assert job.state is State.CANCELLED
    assert job.finished_at
    # The frame of the step before may still have been on its way to the disk.
    late = [path for path in product.frames_of(card) if path.stat().st_mtime > job.finished_at]
    assert len(late) <= 1
    (message,) = await product.job_messages(ada)
    assert message.id == card.id
    assert "Cancelled\nCancelled by Ada.\n" in message.text
    assert [button.label for button in message.buttons] == ["Again", "Edit"]
    assert await pictures_of(ada, message) == []


async def test_it_starts_from_a_members_image(product: Product, tmp_path: Path) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    given = two_halves("navy", "gold")
    given.save(tmp_path / "mine.jpg")
    card = await product.ask(
        ada, "a red circle", image=tmp_path / "mine.jpg", strength=1.0, steps=12, seed=3
    )
    message = await product.ended(ada, card)
    (picture,) = await pictures_of(ada, message)
    assert likeness(picture, given) > 0.5 > likeness(picture, two_halves("gold", "navy"))
    recipe = recipe_in(picture)
    assert (recipe.strength, recipe.steps) == (1.0, 12)
    assert (product.folder / "initial" / f"{recipe.initial}.png").exists()
    assert "from an image, strength 1" in message.text


async def test_four_images_of_one_request_come_together(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    card = await product.ask(ada, "a house", count=4, steps=10, seed=2**32 - 2)
    message = await product.ended(ada, card)
    pictures = await pictures_of(ada, message)
    assert [picture.info["row"] for picture in pictures] == ["0", "1", "2", "3"]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert all(max(picture.size) >= 512 for picture in pictures)
    assert recipe_in(pictures[3]).seeds == (2**32 - 2, 2**32 - 1, 0, 1)
    assert "4 images" in message.text
    assert [each.id for each in await product.job_messages(ada)] == [card.id]


async def test_every_request_is_in_discords_own_description(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.posted(await product.ask(ada, "snowy hills", steps=10))
    assert product.discord.unhandled == []
    assert product.discord.limits.refused == 0
    assert_valid(product.discord.requests)


async def test_the_logs_know_everything_but_the_token(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.posted(await product.ask(ada, "a red circle", steps=10))
    await product.stop("bot", "engine")
    for name in ("bot", "engine"):
        assert '"level": "debug"' in product.log(name)
        assert '"level": "error"' not in product.log(name)
        # At DEBUG asyncio also says what took longer than 0.1 s, as anything may beside other work.
        slow = re.compile(r'"event": "Executing .* took [\d.]+ seconds"')
        lines = product.log(name).splitlines()
        assert [x for x in lines if '"level": "warning"' in x and not slow.search(x)] == []
        assert "Traceback" not in product.log(name)
        assert product.discord.token not in product.log(name)


EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
ANSWER = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"


async def test_no_trouble_brings_a_token_into_the_logs(product: Product) -> None:
    """Broken connections, Discord's errors, lost gateways, refused tokens: all of it at DEBUG."""
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    faults = product.discord.faults
    faults.reset(EDIT)
    faults.fail(EDIT, 503)
    faults.reset(ANSWER)
    faults.fail(ANSWER, 503)
    card = await product.ask(ada, "a red circle", steps=10)
    await product.posted(card)
    faults.drop_gateway(resumable=False)
    await product.discord.gateway.wait_connected(connected=False)
    await product.discord.gateway.wait_connected()
    await product.ask(ada, "a blue circle", steps=10)
    faults.fail(EDIT, 401, times=1000)
    assert await product.ends_by_itself("engine") == os.EX_CONFIG
    assert '"level": "warning"' in product.log("engine")
    assert "has returned status code 503" in product.log("bot")
    await product.stop("bot")
    faults.clear()
    refused = "MTIz.Rm9v.a-token-that-discord-does-not-know"
    for name in ("bot", "engine"):
        assert await product.run(name, DISCORD_TOKEN=refused) == os.EX_CONFIG
    passing = list(product.discord.interactions._by_token)
    assert passing
    for name in ("bot", "engine"):
        log = product.log(name)
        assert '"level": "debug"' in log
        for secret in (product.discord.token, refused, *passing):
            assert not [spelled for spelled in spellings(secret) if spelled in log]


def spellings(secret: str) -> set[str]:
    """How a token may stand in a text: as it is, quoted, in base64 or hex, or a good part of it."""
    raw = secret.encode()
    spelled = {quote(secret, safe=""), raw.hex(), repr(secret)}
    for before in range(3):  # where base64 begins anew
        spelled.add(b64encode(bytes(before) + raw).decode()[4:-4])
    return spelled | {secret[place : place + 12] for place in range(len(secret) - 11)}


def place(card: MessageView) -> int:
    """The place in the queue that a card tells."""
    position = re.search(r"Position (\d+)", card.text)
    assert position, card.text
    return int(position[1])


def two_halves(left: str, right: str) -> Image.Image:
    picture = Image.new("RGB", (96, 96), left)
    ImageDraw.Draw(picture).rectangle((48, 0, 96, 96), fill=right)
    return picture


def likeness(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two pictures' pixels, -1 to 1, at the size that is painted."""
    pixels = [np.asarray(each.convert("RGB").resize((64, 64))).ravel() for each in (one, other)]
    return float(np.corrcoef(pixels)[0, 1])
