"""Job messages: within Discord's limits for any recipe, and members' text is shown literally."""

import re
from dataclasses import replace

import discord
import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from core.discord_ui.job_message import (
    ALLOWED_MENTIONS,
    ShownImage,
    duration_text,
    job_message,
    progress_text,
)
from core.discord_ui.text import escape
from core.i18n import languages
from core.job import Progress, Reason, State
from core.prompts import Prompt
from core.recipe import ImagePrompt, Recipe, Source
from tests.queued_job import queued_job

RECIPE = Recipe.make(
    "a castle | fog:0.5", "watermark", width=64, height=96, steps=150, seed=7, count=1
)
JOB = queued_job(recipe=RECIPE)
PROGRESS = Progress(60, 150, 0.3124, 0.0411, 100.2)


def _units(text: str | None) -> int:
    """The length in UTF-16 units, the largest of the possible counts."""
    return len((text or "").encode("utf-16-le")) // 2


@pytest.mark.slow
@given(
    recipe=st.from_type(Recipe),
    state=st.sampled_from(State),
    name=st.text(max_size=300),
    reason=st.none() | st.text(alphabet="*`\U0001f5bc", max_size=5000),
    data=st.data(),
)
def test_any_message_is_within_the_limits(
    recipe: Recipe, state: State, name: str, reason: str | None, data: st.DataObject
) -> None:
    progress = Progress(
        data.draw(st.integers(0, recipe.steps)),
        recipe.steps,
        0.3,
        None,
        data.draw(st.none() | st.floats(0, 1e6)),
    )
    locale = data.draw(st.sampled_from(("en-US", *languages())))
    job = replace(
        JOB,
        recipe=recipe,
        state=state,
        member_name=name,
        reason=None if reason is None else Reason(text=reason),
        id=2**63 - 1,
        locale=locale,
    )
    images = [ShownImage(f"attachment://frame-{number}.webp") for number in range(4)]
    shown = job_message(
        job,
        position=10**6,
        wait_seconds=1e6,
        progress=progress,
        images=images,
        notes=["*" * data.draw(st.integers(0, 3000))],
    )
    assert shown.content_length() <= 4000
    assert sum(_units(text) for text in texts(shown)) <= 4000
    assert all(texts(shown))
    assert shown.total_children_count <= 40


def texts(message: ui.LayoutView) -> list[str]:
    """The texts of a layout, from top to bottom."""
    return [item.content for item in message.walk_children() if isinstance(item, ui.TextDisplay)]


def head(message: ui.LayoutView) -> str:
    return texts(message)[0]


def footer(message: ui.LayoutView) -> str:
    return texts(message)[-1]


def gallery(message: ui.LayoutView) -> list[discord.MediaGalleryItem]:
    galleries = [item for item in message.walk_children() if isinstance(item, ui.MediaGallery)]
    return [item for gallery in galleries for item in gallery.items]


@given(st.text(alphabet="ab1.\\*_~|`[](<>@#-+/: \n\u202e", max_size=40) | st.text(max_size=40))
def test_a_members_text_is_shown_literally(text: str) -> None:
    shown = escape(text)
    assert re.sub(r"\\([\\*_~|`\[</#>+.-])|\u200b", r"\1", shown) == re.sub(
        "[\u200b\u202a-\u202e\u2066-\u2069]", "", text
    )
    bare = re.sub(r"\\[\\*_~|`\[</#>+.-]", "x", shown)
    assert not re.search(r"[\\*_~|`\[</]|^[ \t]*([#>+-]|\d+\. )", bare, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://x.y/z", r"https:\/\/x.y\/z"),
        ("discord.gg/free", r"discord.gg\/free"),
        ("# so large", r"\# so large"),
        (
            "well\n-# so small\n> and far\n1. listed",
            "well\n\\-# so small\n\\> and far\n1\\. listed",
        ),
        ("1.5 a-b c>d", "1.5 a-b c>d"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
    ],
)
def test_a_members_text_makes_no_links_headings_or_reversed_text(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_nobody_is_mentioned_and_no_link_is_masked() -> None:
    text = "@everyone @here <@123456789012345678> [**free** nitro](http://x.y) <t:0>"
    job = replace(JOB, recipe=RECIPE.model_copy(update={"include": (Prompt(text),)}))
    shown = head(job_message(job))
    assert not re.search(r"@(everyone|here|!?[0-9])", shown)
    assert "\\[\\*\\*free" in shown
    assert "\\<t:0>" in shown
    assert dict(ALLOWED_MENTIONS.to_dict()) == {"parse": []}


def test_a_waiting_jobs_message_shows_position_wait_and_recipe() -> None:
    shown = job_message(JOB, position=3, wait_seconds=200)
    assert head(shown) == (
        "### In the queue\nPosition 3 · starts in about 3 min\n"
        "**Include** a castle · fog ×0.5\n**Exclude** watermark"
    )
    assert footer(shown) == "-# #12 · 64×96 · 150 steps · seed 7 · requested by Ann"


def test_a_running_jobs_message_shows_progress_and_time_left_but_no_similarities() -> None:
    shown = job_message(
        replace(JOB, state=State.RUNNING),
        progress=PROGRESS,
        images=[ShownImage("attachment://f.webp", "a castle")],
    )
    assert head(shown) == (
        "### Painting\n`████░░░░░░` 40 % · about 2 min left\n"
        "**Include** a castle · fog ×0.5\n**Exclude** watermark"
    )
    (image,) = gallery(shown)
    assert (image.media.url, image.description) == ("attachment://f.webp", "a castle")
    assert not image.spoiler


def test_spoilered_images_are_behind_a_spoiler() -> None:
    shown = job_message(JOB, images=[ShownImage("attachment://SPOILER_f.webp", spoiler=True)])
    assert [image.spoiler for image in gallery(shown)] == [True]


@given(st.integers(1, 2000), st.floats(0, 1), st.none() | st.floats(0, 1e5))
def test_the_progress_text_can_be_parsed(steps: int, part: float, left: float | None) -> None:
    step = round(part * steps)
    found = re.fullmatch(
        r"`(█*)(░*)` (\d+) %(?: · about (\d+) (s|min|h) left)?",
        progress_text(Progress(step, steps, 0.3, None, left)),
    )
    assert found
    assert len(found[1] + found[2]) == 10
    assert int(found[3]) == 100 * step // steps
    assert len(found[1]) == int(found[3]) // 10
    assert (found[4] is None) == (left is None)


def test_an_ended_jobs_message_shows_the_outcome() -> None:
    done = replace(JOB, state=State.DONE, started_at=10.0, finished_at=52.4)
    assert head(job_message(done)).startswith("### Painted\nReady after 42 s.\n")
    early = replace(done, step=60)
    assert "Ready after 42 s, at step 60 of 150.\n" in head(job_message(early))
    reason = Reason(text="The GPU has too little memory.")
    failed = head(job_message(replace(JOB, state=State.FAILED, reason=reason)))
    assert failed.startswith("### Failed\nThe GPU has too little memory.\n")
    cancelled = head(job_message(replace(JOB, state=State.CANCELLED)))
    assert cancelled.startswith("### Cancelled\n**Include**")


def test_the_footer_shows_the_number_of_images_and_the_strength() -> None:
    recipe = RECIPE.model_copy(update={"count": 3, "initial": "0" * 64, "strength": 0.25})
    shown = footer(job_message(replace(JOB, recipe=recipe)))
    assert "3 images" in shown
    assert "strength 0.25" in shown


def test_a_message_with_several_images_explains_their_buttons() -> None:
    recipe = RECIPE.model_copy(update={"count": 4})
    shown = job_message(replace(JOB, state=State.DONE, recipe=recipe))
    assert "-# **U** upscales an image, **V** makes variations of it." in texts(shown)


def test_image_prompts_are_shown() -> None:
    image_prompt = ImagePrompt("0" * 64, 0.5)
    changes = {"include_images": (image_prompt,), "exclude": (), "exclude_images": (image_prompt,)}
    recipe = RECIPE.model_copy(update=changes)
    assert head(job_message(replace(JOB, recipe=recipe))) == (
        "### In the queue\nWaiting\n**Include** a castle · fog ×0.5 · *an image* ×0.5\n"
        "**Exclude** *an image* ×0.5"
    )


def test_the_footer_shows_the_source_and_the_style() -> None:
    recipe = RECIPE.model_copy(update={"source": Source(7, 1, 0.5), "preset": "night"})
    shown = footer(job_message(replace(JOB, recipe=recipe)))
    assert "from #7, image 2, varied by 0.5 · night" in shown


def test_durations_are_rounded() -> None:
    assert [duration_text(s) for s in (0, 40, 200, 7300)] == [
        "about 1 s",
        "about 40 s",
        "about 3 min",
        "about 2 h",
    ]
