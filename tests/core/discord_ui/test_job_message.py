"""Cards: within Discord's limits for anything legal, and nothing a member typed takes effect."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.discord_ui.job_message import ALLOWED_MENTIONS, about, card, progress_line
from core.discord_ui.text import escape
from core.i18n import languages
from core.job import Progress, Reason, State
from core.prompts import Prompt
from core.recipe import PicturePrompt, Recipe, Source
from tests.queued_job import queued_job

RECIPE = Recipe.make(
    "a castle | fog:0.5", "watermark", width=64, height=96, steps=150, seed=7, count=1
)
JOB = queued_job(recipe=RECIPE)
PROGRESS = Progress(60, 150, 0.3124, 0.0411, (0.25, 0.0624, 0.0411), 75.2)


def _units(text: str | None) -> int:
    """Length in UTF-16 units, the most that anybody counts."""
    return len((text or "").encode("utf-16-le")) // 2


@given(
    recipe=st.from_type(Recipe),
    state=st.sampled_from(State),
    name=st.text(max_size=300),
    reason=st.none() | st.text(alphabet="*`\U0001f5bc", max_size=5000),
    data=st.data(),
)
def test_any_card_is_within_the_limits(
    recipe: Recipe, state: State, name: str, reason: str | None, data: st.DataObject
) -> None:
    texts = recipe.include + recipe.exclude
    prompts = len((*texts, *recipe.include_pictures, *recipe.exclude_pictures))
    share = st.floats(-1, 1)
    progress = Progress(
        data.draw(st.integers(0, recipe.steps)),
        recipe.steps,
        data.draw(share),
        data.draw(st.none() | share),
        tuple(data.draw(st.lists(share, min_size=prompts, max_size=prompts))),
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
    embed = card(
        job, position=10**6, wait_seconds=1e6, progress=progress, picture="frame-100.webp"
    ).embed
    assert 0 < _units(embed.title) <= 256
    assert 0 < _units(embed.description) <= 4096
    assert 0 < _units(embed.footer.text) <= 2048
    assert sum(map(_units, (embed.title, embed.description, embed.footer.text))) <= 6000


@given(st.text(alphabet="ab1.\\*_~|`[](<>@#-+/: \n\u202e", max_size=40) | st.text(max_size=40))
def test_a_members_text_is_shown_letter_by_letter(text: str) -> None:
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
def test_it_makes_no_links_headings_or_turns(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_nobody_is_mentioned_and_no_link_is_masked() -> None:
    text = "@everyone @here <@123456789012345678> [**free** nitro](http://x.y) <t:0>"
    job = replace(JOB, recipe=RECIPE.model_copy(update={"include": (Prompt(text),)}))
    shown = card(job).embed.description or ""
    assert not re.search(r"@(everyone|here|!?[0-9])", shown)
    assert "\\[\\*\\*free" in shown
    assert "\\<t:0>" in shown
    assert dict(ALLOWED_MENTIONS.to_dict()) == {"parse": []}


def test_a_waiting_card_tells_place_wait_and_recipe() -> None:
    embed = card(JOB, position=3, wait_seconds=200).embed
    assert embed.description == (
        "Position 3 · about 3 min\n**Include** a castle · fog ×0.5\n**Exclude** watermark"
    )
    assert embed.footer.text == "#12 · 64×96 · 150 steps · seed 7 · requested by Ann"


def test_a_running_card_tells_real_numbers_and_each_prompts_share() -> None:
    shown = card(replace(JOB, state=State.RUNNING), progress=PROGRESS, picture="f.webp").embed
    assert shown.description == (
        "`████░░░░░░ step 60/150 · include 0.312 · exclude 0.041 · left 1:15`\n"
        "**Include** a castle (+0.250) · fog ×0.5 (+0.062)\n"
        "**Exclude** watermark (+0.041)"
    )
    assert shown.image.url == "attachment://f.webp"


@given(
    st.integers(1, 2000),
    st.floats(0, 1),
    st.floats(-1, 1),
    st.none() | st.floats(-1, 1),
    st.none() | st.floats(0, 1e5),
)
def test_a_program_can_read_the_progress_line(
    steps: int, part: float, include: float, exclude: float | None, left: float | None
) -> None:
    step = round(part * steps)
    line = progress_line(Progress(step, steps, include, exclude, (), left))
    found = re.fullmatch(
        r"(█*)(░*) step (\d+)/(\d+) · include (-?\d\.\d{3})"
        r"(?: · exclude (-?\d\.\d{3}))?(?: · left (\d+):([0-5]\d))?",
        line,
    )
    assert found
    assert len(found[1] + found[2]) == 10
    assert (int(found[3]), int(found[4])) == (step, steps)
    assert abs(float(found[5]) - include) <= 0.0005001
    assert (found[6] is None) == (exclude is None)
    assert (found[7] is None) == (left is None)
    if left is not None:
        assert abs(int(found[7]) * 60 + int(found[8]) - left) <= 0.5


def test_an_ended_card_tells_the_outcome() -> None:
    done = replace(JOB, state=State.DONE, started_at=10.0, finished_at=52.4)
    assert (card(done, picture="final-0.png").embed.description or "").startswith(
        "Ready after 42 s."
    )
    failed = replace(JOB, state=State.FAILED, reason=Reason(text="The GPU has too little memory."))
    assert (card(failed).embed.description or "").startswith("The GPU has too little memory.\n")
    cancelled = card(replace(JOB, state=State.CANCELLED)).embed
    assert cancelled.title == "Cancelled"
    assert (cancelled.description or "").startswith("**Include**")


def test_several_pictures_and_an_initial_one_are_told() -> None:
    recipe = RECIPE.model_copy(update={"count": 3, "initial": "0" * 64, "strength": 0.25})
    footer = card(replace(JOB, recipe=recipe)).embed.footer.text or ""
    assert "3 pictures" in footer
    assert "strength 0.25" in footer


def test_pictures_as_prompts_are_told_with_their_shares() -> None:
    picture = PicturePrompt("0" * 64, 0.5)
    changes = {"include_pictures": (picture,), "exclude": (), "exclude_pictures": (picture,)}
    recipe = RECIPE.model_copy(update=changes)
    progress = Progress(60, 150, 0.3, 0.04, (0.2, 0.06, 0.04, 0.04))
    assert (card(replace(JOB, recipe=recipe), progress=progress).embed.description or "") == (
        "Waiting\n**Include** a castle (+0.200) · fog ×0.5 (+0.060) · *an image* ×0.5 (+0.040)\n"
        "**Exclude** *an image* ×0.5 (+0.040)"
    )


def test_what_it_comes_from_and_its_style_are_told() -> None:
    recipe = RECIPE.model_copy(update={"source": Source(7, 1, 0.5), "preset": "night"})
    footer = card(replace(JOB, recipe=recipe)).embed.footer.text or ""
    assert "from #7, picture 2, varied by 0.5 · night" in footer


def test_durations() -> None:
    assert [about(s) for s in (0, 40, 200, 7300)] == [
        "about 1 s",
        "about 40 s",
        "about 3 min",
        "about 2 h",
    ]
