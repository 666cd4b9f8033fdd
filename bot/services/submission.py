"""Turns a recipe into a queued job and its message, for commands, buttons and forms."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import discord
import structlog

from bot import policy
from bot.client import ImagineBot
from bot.decisions import Reason, refuse
from bot.errors import RefusedError
from bot.installation import guild_id_of, is_foreign
from bot.services.access import check
from bot.services.admission import Terms, admitted
from bot.services.attachments import store_attachment
from bot.services.finished_images import store_finished
from bot.services.job_message import show_job_message
from bot.services.responses import Response, acknowledged
from bot.services.suggestions import suggestion_buttons
from bot.types import Interaction
from core.database.errors import StoreError
from core.database.messages import Kind
from core.discord_ui.job_message import job_message
from core.discord_ui.limits import TOKEN_SECONDS
from core.discord_ui.message_images import MessageImage
from core.discord_ui.text import message_link
from core.health import REQUIRED_PERMISSIONS, REQUIRED_PERMISSIONS_IN_THREADS
from core.i18n import gettext, gettext_noop
from core.job import Job, JobKind, NewJob, ResponseToken, State
from core.palette import Colours, palette_of
from core.prompts import RecipeError
from core.recipe import ImagePrompt, Recipe
from core.repaint import Mask, Repaint, part_help
from core.storage.uploaded_images import load_image

log = structlog.stdlib.get_logger(__name__)

ON_ITS_WAY = {
    JobKind.IMAGE: gettext_noop("Your image is on its way: {link}"),
    JobKind.DESCRIPTION: gettext_noop("Your description is on its way: {link}"),
}
DIRECT_MESSAGES_CLOSED = gettext_noop(
    "I can't send you direct messages: your privacy settings don't allow it. The result will be"
    " posted here for everyone to see. Use `/cancel {job}` if you don't want that."
)


NOT_YET_STORED = "0" * 64
"""A placeholder for the name of an image that is not stored yet."""

Weighted = tuple[discord.Attachment | MessageImage, float]
"""An image prompt and its weight."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Images that a member attached: to start from, as prompts, and for their colours."""

    initial: discord.Attachment | None = None
    like: Sequence[Weighted] = ()
    unlike: Sequence[Weighted] = ()
    palette: discord.Attachment | None = None
    finished: tuple[Job, int] | None = None
    """A job and which of its images to start from."""
    repaint: Repaint | None = None
    mask: discord.Attachment | None = None
    placeholder: str | None = None
    """A placeholder text until the images are stored."""

    def __bool__(self) -> bool:
        images = self.initial, self.finished, self.palette, self.mask, self.like, self.unlike
        return any(images) or self.repaint is not None

    def check(self, recipe: Recipe) -> None:
        """Raises RecipeError if the recipe can't be combined with the part to repaint."""
        if self.repaint and self.mask:
            raise RecipeError(part_help())
        if self.repaint or self.mask:
            initial = NOT_YET_STORED if self.initial or self.finished else None
            self.complete(recipe.with_images(initial, (), ()), NOT_YET_STORED)

    def complete(self, recipe: Recipe, mask: str | None) -> Recipe:
        """The recipe with the part to repaint, once its images are stored."""
        repaint = Repaint(mask=Mask(mask)) if self.mask and mask else self.repaint
        return recipe.with_repaint(repaint) if repaint else recipe


async def submit_job(
    interaction: Interaction,
    recipe: Recipe,
    uploads: Uploads | None = None,
    *,
    parent: Job | None = None,
    private: bool = False,
    kind: JobKind = JobKind.IMAGE,
) -> None:
    """Queues a recipe for the member and shows the job. Raises RefusedError, StoreError.

    Quick checks come first, so that most refusals never show in the channel. A `private` job is
    shown in a direct message, if the member accepts those. An interaction that is resumed after a
    crash doesn't queue a second job.
    """
    # Direct messages are private, and so is every response where the bot is not a member.
    private = private and guild_id_of(interaction) is not None
    recipe = _with_model(interaction, recipe)
    check_permissions(interaction)
    if kind is JobKind.IMAGE:
        check_recipe(interaction, recipe, uploads, parent)
    async with acknowledged(interaction, ephemeral=private) as response:
        job = await _existing_job(interaction)
        if job is None:
            if uploads:
                (recipe,) = await with_uploads(interaction, [recipe], uploads)
            job = await _insert(response, recipe, parent, private, kind)
        if private:
            await _show_in_direct_message(response, job)
        else:
            await _show(response, job)


def check_permissions(interaction: Interaction) -> None:
    """Raises RefusedError unless the bot can show an image here."""
    check(policy.may_post(_missing_permissions(interaction)))


def check_recipe(
    interaction: Interaction, recipe: Recipe, uploads: Uploads | None, parent: Job | None = None
) -> None:
    """Checks a recipe against its model. Raises RefusedError, RecipeError."""
    settings = interaction.client.settings
    check(policy.may_use(recipe.model, settings.offered_models))
    model = recipe.model or settings.model
    repaints = bool(recipe.repaint or (uploads and uploads.finished))
    grown = repaints and parent is not None and parent.recipe.size == recipe.size
    check(policy.may_paint(recipe, model, grown=grown))
    if uploads:
        uploads.check(recipe)
    has_image = recipe.source or (
        uploads and (uploads.like or (uploads.initial and not (uploads.repaint or uploads.mask)))
    )
    if not (has_image or (known := policy.may_understand(recipe, model))):
        raise RefusedError(known.refusal, suggestion_buttons(recipe, model))


def _with_model(interaction: Interaction, recipe: Recipe) -> Recipe:
    """The recipe with its model, if there are several: engines only take jobs for theirs."""
    settings = interaction.client.settings
    if recipe.model or len(settings.offered_models) == 1:
        return recipe
    return recipe.with_model(settings.model)


async def with_uploads(
    interaction: Interaction, recipes: Sequence[Recipe], uploads: Uploads
) -> list[Recipe]:
    """The recipes with the uploaded images, once they are downloaded, decoded and stored.

    Nothing is downloaded for requests that would be refused. Raises RefusedError, StoreError.
    """
    async with admitted(interaction, recipes, None) as terms:
        pass
    complete = await _store(interaction, uploads, terms)
    return [complete(recipe) for recipe in recipes]


async def _existing_job(interaction: Interaction) -> Job | None:
    """The job that this interaction queued before a crash."""
    job_id = interaction.client.pending.job_id(interaction)
    return None if job_id is None else await interaction.client.jobs.get(job_id)


async def _store(
    interaction: Interaction, uploads: Uploads, terms: Terms
) -> Callable[[Recipe], Recipe]:
    """Stores the images; returns a function that adds them to a recipe."""

    async def store(attachment: discord.Attachment | MessageImage) -> str:
        return await store_attachment(
            interaction.client,
            attachment,
            member_id=interaction.user.id,
            guild_id=guild_id_of(interaction),
            age_restricted=terms.age_restricted,
            spoilered=terms.spoilered,
        )

    initial = await store(uploads.initial) if uploads.initial else None
    if uploads.finished:
        initial = await store_finished(interaction, *uploads.finished)
    like = [ImagePrompt(await store(image), weight) for image, weight in uploads.like]
    unlike = [ImagePrompt(await store(image), weight) for image, weight in uploads.unlike]
    palette: Colours = ()
    if uploads.palette:
        name, folder = await store(uploads.palette), interaction.client.settings.data_dir
        palette = palette_of(await asyncio.to_thread(load_image, name, folder))
    mask = await store(uploads.mask) if uploads.mask else None

    def complete(recipe: Recipe) -> Recipe:
        if palette:
            recipe = recipe.with_palette(palette)
        recipe = recipe.with_images(initial or recipe.initial, tuple(like), tuple(unlike))
        recipe = uploads.complete(recipe, mask)
        return recipe.without_text(uploads.placeholder) if uploads.placeholder else recipe

    return complete


async def _insert(
    response: Response, recipe: Recipe, parent: Job | None, private: bool, kind: JobKind
) -> Job:
    """Admits and inserts the job.

    A job from direct messages belongs to the server of its parent. A private job gets its message
    later: until then nothing is sent, so a refusal leaves no trace.
    """
    interaction = response.interaction
    async with admitted(interaction, [recipe], parent) as terms:
        new = replace(
            new_job(interaction, recipe, terms),
            guild_id=guild_id_of(interaction) or (parent.guild_id if parent else None),
            parent_id=parent.id if parent else None,
            kind=kind,
            interaction_id=interaction.id,
        )
        if is_foreign(interaction):
            new = replace(new, response_token=_token(response))
        elif private:
            new = replace(new, channel_id=(await interaction.user.create_dm()).id)
        else:
            new = replace(new, message_id=response.message_id)
        return await interaction.client.jobs.insert(new)


def _token(response: Response) -> ResponseToken:
    """The token that edits this response later."""
    interaction = response.interaction
    return ResponseToken(
        interaction.application_id,
        interaction.token,
        response.message_id or 0,
        interaction.created_at.timestamp() + TOKEN_SECONDS,
    )


def new_job(interaction: Interaction, recipe: Recipe, terms: Terms) -> NewJob:
    """A new job of the acting member in this channel, without a message."""
    assert interaction.channel_id is not None  # commands and buttons come from channels
    return NewJob(
        recipe=recipe,
        guild_id=guild_id_of(interaction),
        channel_id=interaction.channel_id,
        member_id=interaction.user.id,
        member_name=interaction.user.display_name,
        most_running=terms.most_running,
        spoilered=terms.spoilered,
        age_restricted=terms.age_restricted,
        locale=interaction.locale.value,
    )


async def _show(response: Response, job: Job) -> None:
    """Shows a job's place in the queue; once it is no longer queued, the engine shows it.

    The job is safe on disk, so an error here must not say that it is lost.
    """
    if job.state is not State.QUEUED:
        return
    position, wait_seconds = await place_in_queue(response.interaction.client, job)
    message = await show_job_message(response, job, position=position, wait_seconds=wait_seconds)
    if message.id != job.message_id and not is_foreign(response.interaction):
        messages = response.interaction.client.messages
        await messages.sent(job.id, Kind.JOB, job.channel_id, message.id)


async def _show_in_direct_message(response: Response, job: Job) -> None:
    """Sends the job message to the member; shows it here if they accept no direct messages."""
    interaction = response.interaction
    if job.channel_id == interaction.channel_id:
        await response.edit(content=gettext(DIRECT_MESSAGES_CLOSED, job=job.id))
        return
    if job.message_id is not None:
        link = message_link(None, job.channel_id, job.message_id)
    else:
        direct, nonce = await interaction.user.create_dm(), f"job {interaction.id}"
        messages = interaction.client.messages
        if not await messages.announce(job.id, Kind.JOB, direct.id, nonce):
            raise RefusedError(refuse(Reason.JOB_NOT_VISIBLE).refusal)  # deleted in the meantime
        position, wait_seconds = await place_in_queue(response.interaction.client, job)
        shown = job_message(job, position=position, wait_seconds=wait_seconds)
        try:  # the nonce lets Discord recognise a duplicate
            message = await direct.send(view=shown, nonce=nonce)
        except discord.Forbidden:
            assert interaction.channel_id is not None
            await interaction.client.jobs.move(job.id, interaction.channel_id)
            await response.edit(content=gettext(DIRECT_MESSAGES_CLOSED, job=job.id))
            return
        # From now on the engine edits it.
        if not await messages.sent(job.id, Kind.JOB, direct.id, message.id, nonce):
            raise RefusedError(refuse(Reason.JOB_NOT_VISIBLE).refusal)
        link = message.jump_url
    await response.edit(content=gettext(ON_ITS_WAY[job.kind], link=link))


async def place_in_queue(bot: ImagineBot, job: Job) -> tuple[int | None, float | None]:
    """A waiting job's position and seconds to wait; None where they are unknown."""
    queue = bot.queue
    try:
        return await queue.position(job.id), await queue.wait_seconds(job.id)
    except StoreError as error:
        log.warning("queue position not read", job=job.id, error=str(error))
        return None, None


def _missing_permissions(interaction: Interaction) -> list[str]:
    """The missing permissions, by Discord's names, that the bot needs to show an image here."""
    if guild_id_of(interaction) is None:
        return []  # in direct messages, the bot has them all
    in_thread = isinstance(interaction.channel, discord.Thread)
    granted = interaction.app_permissions
    needed = REQUIRED_PERMISSIONS_IN_THREADS if in_thread else REQUIRED_PERMISSIONS
    return [name for permission, name in needed.items() if not getattr(granted, permission)]
