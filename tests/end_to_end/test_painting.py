"""From `/imagine` to the image in the channel, and the logs of the way there."""

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
from tests.end_to_end.conftest import OUTCOME_TITLES, PATIENCE, Product, images_of, recipe_in, title
from tests.openapi import assert_valid

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROGRESS = re.compile(r"`[█░]{10}` (?P<percent>\d+) %(?P<left> · about \d+ (s|min) left)?")
STEP = re.compile(r"step-(\d+)\.webp")


@dataclass(frozen=True)
class Frame:
    """A frame as a member saw it, with the text of its message."""

    name: str
    text: str
    image: Image.Image


async def watch(member: Member) -> list[Frame]:
    """Every frame in the member's channel, until a job message shows an outcome."""
    frames: list[Frame] = []
    async with asyncio.timeout(PATIENCE), aclosing(member.watch()) as changes:
        async for change in changes:
            if change.message is None:
                continue
            if title(change.message) in OUTCOME_TITLES:
                break
            for file in change.message.files:
                assert file.content_type == "image/webp"
                image = Image.open(io.BytesIO(await member.download(file)))
                frames.append(Frame(file.filename, change.message.text, image))
    return frames


async def test_an_image_forms_in_the_channel(product: Product) -> None:
    await product.start("bot")
    (ada,) = await product.members("Ada")
    options = {
        "include": "a red circle | a white background:0.5",
        "exclude": "watermark",
        "steps": 60,
        "seed": 7,
    }
    job_message = await product.imagine(ada, **options)  # before the engine starts
    assert "In the queue\nPosition 1\n" in job_message.text
    assert [button.label for button in job_message.buttons] == ["Cancel"]

    watching = asyncio.create_task(watch(ada))
    await product.start("engine")
    frames = await watching
    assert len(frames) >= 2
    assert frames[0].name == "step-0.webp"
    steps = []
    for frame in frames:
        progress = PROGRESS.search(frame.text)
        assert progress, frame.text
        step = STEP.fullmatch(frame.name)
        assert step, frame.name
        # The duration of a step is known once the first one is done.
        assert bool(progress["left"]) == (int(step[1]) > 1), frame.text
        assert int(progress["percent"]) == 100 * int(step[1]) // 60
        assert frame.image.format == "WEBP"
        assert frame.image.size == (512, 512)
        steps.append(int(step[1]))
    assert steps == sorted(set(steps))
    assert len({frame.image.tobytes() for frame in frames}) == len(frames)

    (final,) = await product.job_messages(ada)
    assert final.id == job_message.id
    assert "Upscale" in [button.label for button in final.buttons]
    assert not final.content
    assert re.search(r"Painted\nReady after \d+ s\.\n", final.text)
    (image,) = await images_of(ada, final)
    assert image.format == "PNG"
    assert max(image.size) >= 512
    expected = Recipe.make(**options, width=64, height=64)  # type: ignore[arg-type]
    assert recipe_in(image) == expected
    assert (await product.job_of(final)).recipe == expected


async def test_jobs_of_two_members_are_rendered_at_the_same_time(product: Product) -> None:
    await product.start("bot", "engine")
    ada, bob = await product.members("Ada", "Bob")
    job_messages = [
        await product.imagine(ada, "a green square", steps=25, seed=1),
        await product.imagine(bob, "a blue sea and the moon", steps=25, seed=1),
    ]
    finals = [await product.wait_ended(ada, job_message) for job_message in job_messages]
    images = [await images_of(ada, final) for final in finals]
    assert [len(each) for each in images] == [1, 1]
    assert images[0][0].tobytes() != images[1][0].tobytes()
    jobs = [await product.wait_posted(job_message) for job_message in job_messages]
    assert max(job.started_at or 0 for job in jobs) < min(job.finished_at or 0 for job in jobs)
    assert [message.id for message in await product.job_messages(ada)] == [
        job_message.id for job_message in job_messages
    ]


async def test_a_member_with_many_requests_does_not_delay_a_member_with_one(
    product: Product,
) -> None:
    await product.start("bot", "engine")
    flooder, bob = await product.members("Flooder", "Bob")
    first = await product.imagine(flooder, "pine trees", count=4, steps=500)  # fills the engine
    await product.wait_rendering(first)
    second = await product.imagine(flooder, "pine trees", steps=10)
    third = await product.imagine(flooder, "pine trees", steps=10)
    only = await product.imagine(bob, "a red circle", steps=10)
    assert [queue_position(each) for each in (second, third, only)] == [1, 2, 1]
    await flooder.press(first, first.buttons[0].custom_id)
    jobs = [await product.wait_posted(job_message) for job_message in (only, second, third)]
    assert [job.state for job in jobs] == [State.DONE] * 3
    starts = [job.started_at for job in jobs]
    assert starts == sorted(starts, key=lambda start: start or 0)


async def test_a_running_job_is_cancelled_within_a_step(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    job_message = await product.imagine(ada, "a yellow star", steps=500)
    await product.wait_rendering(job_message)
    await ada.press(job_message, job_message.buttons[0].custom_id)
    job = await product.wait_posted(job_message)
    dropped = await product.until(lambda: product.entries("engine", "job dropped"))
    assert dropped[-1]["job"] == job.id
    assert job.state is State.CANCELLED
    assert job.finished_at
    # The frame of the last step may be written after the cancellation.
    late = [
        path for path in product.frames_of(job_message) if path.stat().st_mtime > job.finished_at
    ]
    assert len(late) <= 1
    (message,) = await product.job_messages(ada)
    assert message.id == job_message.id
    assert "Cancelled\nCancelled by Ada.\n" in message.text
    assert [button.label for button in message.buttons] == ["Again", "Edit"]
    assert await images_of(ada, message) == []


async def test_rendering_starts_from_a_members_image(product: Product, tmp_path: Path) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    initial = two_halves("navy", "gold")
    initial.save(tmp_path / "mine.jpg")
    job_message = await product.imagine(
        ada, "a red circle", image=tmp_path / "mine.jpg", strength=1.0, steps=12, seed=3
    )
    message = await product.wait_ended(ada, job_message)
    (image,) = await images_of(ada, message)
    assert correlation(image, initial) > 0.5 > correlation(image, two_halves("gold", "navy"))
    recipe = recipe_in(image)
    assert (recipe.strength, recipe.steps) == (1.0, 12)
    assert (product.folder / "initial" / f"{recipe.initial}.png").exists()
    assert "from an image, strength 1" in message.text


async def test_four_images_of_one_request_share_one_message(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    job_message = await product.imagine(ada, "a house", count=4, steps=10, seed=2**32 - 2)
    message = await product.wait_ended(ada, job_message)
    images = await images_of(ada, message)
    assert [image.info["row"] for image in images] == ["0", "1", "2", "3"]
    assert len({image.tobytes() for image in images}) == 4
    assert all(max(image.size) >= 512 for image in images)
    assert recipe_in(images[3]).seeds == (2**32 - 2, 2**32 - 1, 0, 1)
    assert "4 images" in message.text
    assert [each.id for each in await product.job_messages(ada)] == [job_message.id]


async def test_every_http_request_matches_discords_openapi_description(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.wait_posted(await product.imagine(ada, "snowy hills", steps=10))
    assert product.discord.unhandled == []
    assert product.discord.limits.refused == 0
    assert_valid(product.discord.requests)


async def test_debug_logs_contain_neither_errors_nor_the_token(product: Product) -> None:
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    await product.wait_posted(await product.imagine(ada, "a red circle", steps=10))
    await product.stop("bot", "engine")
    for name in ("bot", "engine"):
        assert '"level": "debug"' in product.log(name)
        assert '"level": "error"' not in product.log(name)
        # At DEBUG, asyncio warns of callbacks over 0.1 s, which happen on a busy machine.
        slow = re.compile(r'"event": "Executing .* took [\d.]+ seconds"')
        lines = product.log(name).splitlines()
        assert [x for x in lines if '"level": "warning"' in x and not slow.search(x)] == []
        assert "Traceback" not in product.log(name)
        assert product.discord.token not in product.log(name)


EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
RESPONSE = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original"


async def test_no_fault_leaks_a_token_into_the_logs(product: Product) -> None:
    """At DEBUG, with broken connections, server errors, a lost gateway session, refused tokens."""
    await product.start("bot", "engine")
    (ada,) = await product.members("Ada")
    faults = product.discord.faults
    faults.reset(EDIT)
    faults.fail(EDIT, 503)
    faults.reset(RESPONSE)
    faults.fail(RESPONSE, 503)
    job_message = await product.imagine(ada, "a red circle", steps=10)
    await product.wait_posted(job_message)
    faults.drop_gateway(resumable=False)
    await product.discord.gateway.wait_connected(connected=False)
    await product.discord.gateway.wait_connected()
    await product.imagine(ada, "a blue circle", steps=10)
    faults.fail(EDIT, 401, times=1000)
    assert await product.wait_exit("engine") == os.EX_CONFIG
    assert '"level": "warning"' in product.log("engine")
    assert "has returned status code 503" in product.log("bot")
    await product.stop("bot")
    faults.clear()
    refused = "MTIz.Rm9v.a-token-that-discord-does-not-know"
    for name in ("bot", "engine"):
        assert await product.run(name, DISCORD_TOKEN=refused) == os.EX_CONFIG
    interaction_tokens = list(product.discord.interactions._by_token)
    assert interaction_tokens
    for name in ("bot", "engine"):
        log = product.log(name)
        assert '"level": "debug"' in log
        for secret in (product.discord.token, refused, *interaction_tokens):
            assert not [encoded for encoded in encodings(secret) if encoded in log]


def encodings(secret: str) -> set[str]:
    """How a token could appear in a log: quoted, in Base64 or hex, or any 12 characters of it."""
    raw = secret.encode()
    encoded = {quote(secret, safe=""), raw.hex(), repr(secret)}
    for padding in range(3):  # all three alignments of Base64
        encoded.add(b64encode(bytes(padding) + raw).decode()[4:-4])
    return encoded | {secret[start : start + 12] for start in range(len(secret) - 11)}


def queue_position(job_message: MessageView) -> int:
    """The position in the queue that a job message shows."""
    position = re.search(r"Position (\d+)", job_message.text)
    assert position, job_message.text
    return int(position[1])


def two_halves(left: str, right: str) -> Image.Image:
    image = Image.new("RGB", (96, 96), left)
    ImageDraw.Draw(image).rectangle((48, 0, 96, 96), fill=right)
    return image


def correlation(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two images' pixels, -1 to 1, at the rendered size."""
    pixels = [np.asarray(each.convert("RGB").resize((64, 64))).ravel() for each in (one, other)]
    return float(np.corrcoef(pixels)[0, 1])
