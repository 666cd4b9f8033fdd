"""From a recipe to a job in the queue and its card: for commands, buttons, forms and menus."""

from dataclasses import dataclass
from typing import Any

import discord
import structlog

from bot import policy
from bot.client import ImagineBot
from bot.decisions import Decision, Reason, refuse
from bot.errors import RefusedError
from bot.services.admission import (
    Terms,
    admitted,
    is_age_restricted_channel,
    is_moderator,
    place_of,
)
from bot.services.attachments import store_attachment
from bot.services.job_message import show
from bot.services.pending_responses import PAINTED_THERE
from bot.services.responses import answer
from core.database.jobs import StoreError
from core.database.messages import Kind
from core.database.provenance import UploadedImages
from core.discord_ui.job_message import card
from core.health import NEEDED, NEEDED_IN_THREADS
from core.i18n import mark, say
from core.job import Job
from core.prompts import RecipeError
from core.recipe import PicturePrompt, Recipe

log = structlog.stdlib.get_logger(__name__)

CLOSED = mark(
    "I cannot write to you directly: your settings do not let me. So the picture comes here, for"
    " all to see; take it back with `/cancel {job}` if that is not what you want."
)

Interaction = discord.Interaction[ImagineBot]


@dataclass(frozen=True, slots=True)
class Attached:
    """Files of a member: to start from, to paint likes of, and to keep away from."""

    initial: discord.Attachment | None = None
    like: discord.Attachment | None = None
    unlike: discord.Attachment | None = None

    def __bool__(self) -> bool:
        return bool(self.initial or self.like or self.unlike)


async def ask(
    interaction: Interaction,
    recipe: Recipe,
    attached: Attached | None = None,
    *,
    parent: Job | None = None,
    private: bool = False,
) -> None:
    """Queues a recipe for the member and shows its card. Raises RefusedError.

    What takes no time is checked first, so that most refusals never show in the channel. Then
    the answer is deferred: from there on Discord waits, however long the database takes, and
    what goes wrong is told as the answer. A `private` wish is shown in the direct conversation
    with its asker, if that is open.
    """
    bot = interaction.client
    check(policy.may_post(_missing_permissions(interaction)))
    check(policy.may_paint(recipe, bot.settings.model))

    async def work(message_id: int | None) -> bool:
        wish = recipe
        if attached:
            async with admitted(interaction, recipe, None) as terms:
                pass  # nothing is downloaded for a request that would be refused
            wish = await _with_pictures(interaction, recipe, attached, terms)
        if private:
            return await _ask_privately(interaction, wish, parent)
        return await _show_queued(interaction, await _queue(interaction, wish, parent, message_id))

    await answer(interaction, work, ephemeral=private)


async def _with_pictures(
    interaction: Interaction, recipe: Recipe, attached: Attached, terms: Terms
) -> Recipe:
    """The recipe with what was attached, once it is downloaded, decoded and stored."""

    async def keep(attachment: discord.Attachment | None) -> str | None:
        if attachment is None:
            return None
        return await store_attachment(
            interaction.client,
            attachment,
            member_id=interaction.user.id,
            guild_id=interaction.guild_id,
            age_restricted=terms.age_restricted,
            spoilered=terms.spoilered,
        )

    initial = await keep(attached.initial) or recipe.initial
    like, unlike = await keep(attached.like), await keep(attached.unlike)
    return recipe.with_pictures(
        initial,
        (PicturePrompt(like),) if like else (),
        (PicturePrompt(unlike),) if unlike else (),
    )


async def _queue(
    interaction: Interaction,
    recipe: Recipe,
    parent: Job | None,
    message_id: int | None,
    channel_id: int | None = None,
) -> Job:
    """Pictures that are asked for in a direct conversation belong to the guild they come from."""
    bot, member = interaction.client, interaction.user
    assert interaction.channel_id is not None  # commands and buttons come from channels
    guild_id = interaction.guild_id or (parent.guild_id if parent else None)
    async with admitted(interaction, recipe, parent) as terms:
        return await bot.store.add(
            recipe,
            guild_id=guild_id,
            channel_id=channel_id or interaction.channel_id,
            message_id=message_id,
            member_id=member.id,
            member_name=member.display_name,
            parent_id=parent.id if parent else None,
            most_running=terms.most_running,
            spoilered=terms.spoilered,
            age_restricted=terms.age_restricted,
            locale=interaction.locale.value,
            interaction_id=interaction.id,
        )


async def _show_queued(interaction: Interaction, job: Job) -> bool:
    """Shows the place in the queue. The job is safe on disk: nothing here may call it lost."""
    return await show(interaction, job, **await _place(interaction, job)) is not None


async def _place(interaction: Interaction, job: Job) -> dict[str, Any]:
    """What a waiting card tells beside the job itself."""
    store = interaction.client.store
    try:
        return {
            "position": await store.position(job.id),
            "wait_seconds": await store.wait_seconds(job.id),
        }
    except StoreError as error:
        log.warning("the place of a job is not known", job=job.id, error=str(error))
        return {}


async def _ask_privately(interaction: Interaction, recipe: Recipe, parent: Job | None) -> bool:
    """Queues the job with its card in the direct conversation, or here where that is closed."""
    try:
        direct = await interaction.user.create_dm()
        message = await direct.send(
            say("Your wish from {channel}:", channel=f"<#{interaction.channel_id}>")
        )
    except discord.Forbidden:
        job = await _queue(interaction, recipe, parent, None)
        await interaction.edit_original_response(content=say(CLOSED, job=job.id))
        return True
    try:
        job = await _queue(interaction, recipe, parent, None, direct.id)
    except RefusedError:
        await message.delete()
        raise
    drawn = card(job, **await _place(interaction, job))
    await message.edit(content=None, embed=drawn.embed, view=drawn.view)
    # Now the engine may write.
    if not await interaction.client.messages.sent(job.id, Kind.JOB, direct.id, message.id):
        return True  # deleted meanwhile
    told = say(PAINTED_THERE, link=message.jump_url)
    await interaction.edit_original_response(content=told)
    return True


def _missing_permissions(interaction: Interaction) -> list[str]:
    """What the bot may not do here but must, to show a picture; as Discord calls it."""
    if interaction.guild_id is None:
        return []  # what it may in a direct conversation, nobody can take away
    threaded = isinstance(interaction.channel, discord.Thread)
    granted = interaction.app_permissions
    needed = NEEDED_IN_THREADS if threaded else NEEDED
    return [name for permission, name in needed.items() if not getattr(granted, permission)]


def asker_of(interaction: Interaction) -> policy.Asker:
    """Who acts, and where."""
    return policy.Asker(
        member_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        moderator=is_moderator(interaction),
        age_restricted=place_of(interaction).age_restricted,
    )


async def seen(interaction: Interaction, job_id: int) -> Job:
    """The job, if the member may see it and it may be shown here. Raises RefusedError."""
    job, asker = await interaction.client.store.job(job_id), asker_of(interaction)
    check(policy.may_see(job, asker))
    assert job is not None
    # Its channel may have become age-restricted since.
    channel = interaction.client.get_channel(job.channel_id)
    restricted = job.age_restricted or is_age_restricted_channel(channel)
    check(policy.may_show(job, asker, age_restricted=restricted))
    return job


async def own_images_only(interaction: Interaction, recipe: Recipe) -> None:
    """Raises RefusedError if the recipe uses images that somebody else uploaded."""
    uploads = UploadedImages(interaction.client.store)
    if await uploads.foreign(recipe, interaction.user.id):
        raise RefusedError(refuse(Reason.SOMEONE_ELSES_IMAGE).refusal)


async def without_foreign_images(interaction: Interaction, recipe: Recipe) -> Recipe:
    """The recipe without image prompts that somebody else uploaded. Raises RefusedError.

    For what starts from a finished image, which holds the look of its image prompts already.
    """
    uploads = UploadedImages(interaction.client.store)
    foreign = await uploads.foreign(recipe, interaction.user.id)
    try:
        return recipe.without_images(foreign) if foreign else recipe
    except RecipeError:  # no prompt would remain
        raise RefusedError(refuse(Reason.SOMEONE_ELSES_IMAGE).refusal) from None


def check(decision: Decision) -> None:
    """Raises RefusedError unless the decision is yes."""
    if not decision:
        raise RefusedError(decision.refusal)
