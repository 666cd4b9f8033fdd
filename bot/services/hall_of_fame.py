"""Posts images with enough favourites in the halls of fame of their servers.

Like all messages of a job, a post is announced before it is sent and recorded afterwards. So it is
deleted with its job, and posted exactly once, whatever crashes in between. After a crash, the bot
searches the channel for it, since Discord soon forgets the nonce.
"""

import asyncio
from dataclasses import replace

import discord
import structlog
from discord import ui

from bot.client import ImagineBot
from bot.limits import may_use_words
from bot.services.admission import is_age_restricted_channel
from bot.services.audit_log_feed import guild_language, nonce_of
from bot.services.job_views import image_files
from core.database.errors import StoreError
from core.database.halls_of_fame import DueImage, HallsOfFame
from core.database.messages import Kind
from core.discord_ui.job_message import prompt_lines
from core.discord_ui.message_components import texts_of
from core.discord_ui.own_messages import own_messages
from core.discord_ui.text import message_link
from core.discord_ui.views import static_layout
from core.i18n import gettext, ngettext, use_locale
from core.job import Job

log = structlog.stdlib.get_logger(__name__)

HEADING = "### ⭐"

POLL_SECONDS = 2.0  #: between two checks for images that are due

Place = discord.abc.GuildChannel | discord.Thread


async def post_hall_of_fame(bot: ImagineBot) -> None:
    """Posts what is due, until cancelled."""
    await bot.wait_until_ready()
    halls = HallsOfFame(bot.database)
    while True:
        try:
            for due in await halls.due():
                if await _try_to_post(bot, due):
                    await halls.settle(due.job_id)
        except StoreError as error:
            log.warning("halls of fame not read, retrying", error=str(error))
        await asyncio.sleep(POLL_SECONDS)


async def _try_to_post(bot: ImagineBot, due: DueImage) -> bool:
    """Posts an image that is due; returns False if it must be retried. Raises StoreError."""
    try:
        return await _post(bot, due)
    except discord.HTTPException as error:
        final = error.status < 500 and error.status != 429
        log.warning("image not posted", job=due.job_id, again=not final, error=str(error))
        return final
    except (discord.RateLimited, OSError) as error:
        log.warning("image not posted, retrying", job=due.job_id, error=str(error))
    except StoreError:
        raise
    except Exception:
        log.exception("image not posted, retrying", job=due.job_id)
    return False


async def _post(bot: ImagineBot, due: DueImage) -> bool:
    """Posts it, unless it may not be shown there; False while its server is not available."""
    job = await bot.jobs.get(due.job_id)
    guild = bot.get_guild(job.guild_id or 0) if job else None
    if job is None or guild is None or await bot.messages.any_sent(job.id, Kind.HALL_OF_FAME):
        return True
    if guild.unavailable:
        return False
    hall = guild.get_channel_or_thread(due.channel_id)
    if hall is None or not _may_be_shown(job, guild, hall):
        return True
    messages, nonce = bot.messages, nonce_of("hall of fame", job.id)
    if await messages.is_announced(hall.id, nonce) and (sent := await _sent_before(bot, job, hall)):
        await messages.sent(job.id, Kind.HALL_OF_FAME, hall.id, sent.id, nonce)
        return True
    rules = await bot.guild_rules.for_member(guild.id, job.member_id)
    restricted = is_age_restricted_channel(hall)
    if not await asyncio.to_thread(
        may_use_words, job.recipe, rules.words, age_restricted=restricted
    ):
        return True
    if rules.spoilered_channels & {hall.id, hall.category_id, getattr(hall, "parent_id", None)}:
        job = replace(job, spoilered=True)
    files = await image_files(job, bot.settings.data_dir)
    if not files or not await messages.announce(job.id, Kind.HALL_OF_FAME, hall.id, nonce):
        return True  # the job was deleted
    with use_locale(guild_language(bot, guild.id)):
        layout = _layout(job, due.favourites, files)
    message = await bot.get_partial_messageable(hall.id).send(
        view=layout, files=files, nonce=nonce, allowed_mentions=discord.AllowedMentions.none()
    )
    await messages.sent(job.id, Kind.HALL_OF_FAME, hall.id, message.id, nonce)
    return True


async def _sent_before(bot: ImagineBot, job: Job, hall: Place) -> discord.Message | None:
    """The message, if it was sent but not recorded. Raises discord.HTTPException."""
    async for message in own_messages(bot, hall.id, job.created_at):
        texts = texts_of(message)
        if texts and texts[0].startswith(HEADING) and texts[-1].startswith(f"-# #{job.id} · "):
            return message
    return None


def _may_be_shown(job: Job, guild: discord.Guild, hall: Place) -> bool:
    """Whether everyone who sees the hall of fame may see the image."""
    source = guild.get_channel_or_thread(job.channel_id)
    if source is None or not _is_as_visible_as(source, hall):
        return False
    restricted = job.age_restricted or is_age_restricted_channel(source)
    return is_age_restricted_channel(hall) or not restricted


def _is_as_visible_as(source: Place, hall: Place) -> bool:
    """Whether each role that sees the hall of fame also sees the image's channel."""
    if source.id == hall.id:
        return True
    if isinstance(source, discord.Thread) and source.is_private():
        return False
    roles = hall.guild.roles
    return all(_sees(role, source) for role in roles if _sees(role, hall))


def _sees(role: discord.Role, place: Place) -> bool:
    root = place.parent if isinstance(place, discord.Thread) else place
    return root is not None and root.permissions_for(role).view_channel


def _layout(job: Job, favourites: int, files: list[discord.File]) -> ui.LayoutView:
    """The images with their prompts, who requested them, and a link to their message."""
    number = ngettext("{n} favourite", "{n} favourites", favourites)
    below = [f"#{job.id}", gettext("requested by {name}", name=f"<@{job.member_id}>")]
    if job.message_id:
        below.append(message_link(job.guild_id, job.channel_id, job.message_id))
    return static_layout(
        [
            ui.Container(
                ui.TextDisplay("\n".join((f"{HEADING} {number}", *prompt_lines(job.recipe)))),
                ui.MediaGallery(*map(discord.MediaGalleryItem, files)),
                ui.TextDisplay(f"-# {' · '.join(below)}"),
                accent_colour=discord.Colour.gold(),
            )
        ]
    )
