"""Several requests from one command: confirmed by the member, then queued together.

The recipes wait in the database as a draft. They are all queued or none is. Each gets its own job
message, and a group message links to them.
"""

from collections.abc import Iterator, Sequence

import discord
import structlog

from bot.client import ImagineBot
from bot.errors import CONNECTION_ERRORS, RefusedError
from bot.installation import guild_id_of, is_foreign
from bot.services.admission import admitted
from bot.services.responses import Response, acknowledged
from bot.services.submission import (
    Uploads,
    check_permissions,
    check_recipe,
    new_job,
    place_in_queue,
    with_uploads,
)
from bot.types import Interaction
from core.database.messages import Kind, nonce
from core.discord_ui.custom_ids import encode
from core.discord_ui.job_message import job_message
from core.discord_ui.text import escape, message_link
from core.discord_ui.views import static_layout, static_view
from core.i18n import gettext, gettext_noop
from core.job import Job
from core.prompts import format_prompts
from core.recipe import Recipe

log = structlog.stdlib.get_logger(__name__)

CONFIRM, DISCARD = "together", "discard"

MAX_NAMED = 10  #: requests that the question lists
MAX_NAME = 50  #: characters of the member's name that are shown
ALL_WORDS = 1250
"""Characters of the prompts of all requests that are shown; with links, 25 fit into a message."""
MAX_WORDS = 200  #: characters of the prompts of one request that are shown

ONE_AT_A_TIME = gettext_noop(
    "Only single requests can be private: leave out the braces, or `private`."
)
NOT_HERE = gettext_noop(
    "I'm not a member here, so I can only take single requests. Leave out the braces, or use"
    " `/imagine` in direct messages with me."
)
ANSWERED = gettext_noop(
    "These requests were already answered, or are too old. Use `/imagine` again."
)


async def ask_to_confirm(
    interaction: Interaction,
    recipes: Sequence[Recipe],
    uploads: Uploads | None,
    *,
    private: bool = False,
) -> None:
    """Asks the member whether to queue these. Raises RefusedError, RecipeError, StoreError."""
    if private and guild_id_of(interaction) is not None:
        raise RefusedError(gettext(ONE_AT_A_TIME))
    if is_foreign(interaction):
        raise RefusedError(gettext(NOT_HERE))
    check_permissions(interaction)
    for recipe in recipes:
        check_recipe(interaction, recipe, uploads)
    async with acknowledged(interaction, ephemeral=True) as response:
        if uploads:
            recipes = await with_uploads(interaction, recipes, uploads)
        else:
            async with admitted(interaction, recipes, None):
                pass  # so that a refusal comes before the question
        draft_id = await interaction.client.drafts.insert(interaction.user.id, recipes)
        await response.edit(_question(recipes), view=_buttons(draft_id))


async def queue_draft(response: Response, draft_id: int) -> None:
    """Queues the requests of a confirmed draft, and shows them. Raises RefusedError, StoreError.

    An interaction that is resumed after a crash continues with the jobs that it has queued.
    """
    interaction, drafts = response.interaction, response.interaction.client.drafts
    jobs = await drafts.queued_before()
    if not jobs:
        recipes = await drafts.get(draft_id, interaction.user.id)
        if not recipes:
            raise RefusedError(gettext(ANSWERED))
        check_permissions(interaction)
        async with admitted(interaction, recipes, None) as terms:
            new = [new_job(interaction, recipe, terms) for recipe in recipes]
            jobs = await drafts.queue(draft_id, new)
        if not jobs:
            raise RefusedError(gettext(ANSWERED))
    try:
        shown = [await _show(interaction.client, job) for job in jobs]
        await _show_group(interaction, shown)
    except (discord.HTTPException, *CONNECTION_ERRORS) as error:
        # They are safe on disk, and the engine shows each once it is finished.
        log.warning("queued jobs not shown", error=str(error))
    await response.edit(gettext("Your {n} requests are in the queue.", n=len(jobs)), view=None)


async def _show(bot: ImagineBot, job: Job) -> Job:
    """Sends the job message, unless there is one; returns the updated job.

    The engine would use the same nonce, so Discord recognises a duplicate.
    """
    job = await bot.jobs.get(job.id) or job
    name = nonce(job)
    if job.message_id or not await bot.messages.announce(job.id, Kind.JOB, job.channel_id, name):
        return job
    position, wait_seconds = await place_in_queue(bot, job)
    channel = bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
    layout = job_message(job, position=position, wait_seconds=wait_seconds)
    sent = await channel.send(view=layout, nonce=name)
    await bot.messages.sent(job.id, Kind.JOB, job.channel_id, sent.id, name)
    return await bot.jobs.get(job.id) or job


async def _show_group(interaction: Interaction, jobs: Sequence[Job]) -> None:
    """Sends the message that links to the jobs, and records it for each of them."""
    first, messages = jobs[0], interaction.client.messages
    name = f"group {first.id}"
    if await messages.any_sent(first.id, Kind.GROUP) or not await messages.announce(
        first.id, Kind.GROUP, first.channel_id, name
    ):
        return
    channel = interaction.client.get_partial_messageable(first.channel_id, guild_id=first.guild_id)
    text = "\n".join(_links(jobs))
    sent = await channel.send(view=static_layout([discord.ui.TextDisplay(text)]), nonce=name)
    for job in jobs:
        await messages.sent(job.id, Kind.GROUP, first.channel_id, sent.id, name)


def _links(jobs: Sequence[Job]) -> Iterator[str]:
    yield gettext(
        "**{n} requests by {name}**, all with seed {seed}",
        n=len(jobs),
        name=escape(jobs[0].member_name, MAX_NAME),
        seed=jobs[0].recipe.seed,
    )
    for job in jobs:
        number = f"#{job.id}"
        if job.message_id:
            number = f"[{number}]({message_link(job.guild_id, job.channel_id, job.message_id)})"
        yield f"{number} {_words(job.recipe, len(jobs))}"


def _question(recipes: Sequence[Recipe]) -> str:
    shown = recipes[:MAX_NAMED]
    named = [f"- {_words(recipe, len(shown))}" for recipe in shown]
    if more := len(recipes) - len(named):
        named.append(gettext("… and {n} more", n=more))
    question = gettext(
        "This makes {n} requests ({images} images), all with seed {seed}. Queue them?",
        n=len(recipes),
        images=sum(recipe.count for recipe in recipes),
        seed=recipes[0].seed,
    )
    return "\n".join((question, *named))


def _words(recipe: Recipe, shown: int) -> str:
    """What distinguishes a request from the others: its prompts. `shown` is how many are shown."""
    sides = (format_prompts(side) for side in (recipe.include, recipe.exclude))
    return escape(" − ".join(filter(None, sides)), min(MAX_WORDS, ALL_WORDS // shown))


def _buttons(draft_id: int) -> discord.ui.View:
    yes: discord.ui.Button[discord.ui.View] = discord.ui.Button(
        label=gettext("Yes, queue them"),
        style=discord.ButtonStyle.success,
        custom_id=encode(CONFIRM, draft_id),
    )
    no: discord.ui.Button[discord.ui.View] = discord.ui.Button(
        label=gettext("No, thanks"), custom_id=encode(DISCARD, draft_id)
    )
    return static_view((yes, no))
