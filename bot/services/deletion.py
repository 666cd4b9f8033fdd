"""Deletes the files and messages in the outbox of deletions (`core.database.deletions`).

The bot does this rather than the engine, so that it also works while no engine runs. Discord counts
DELETE requests separately from the engine's posts and edits, so they share no rate limit. An entry
is postponed before it is tried, so a second bot leaves it alone, and it is retried after a crash.
Deleting something twice does no harm.
"""

import asyncio
from pathlib import Path

import aiohttp
import discord
import structlog

from core.database.deletions import Deletion, Deletions, Folder, Image, Message
from core.database.errors import StoreError
from core.storage.paths import remove_folder
from core.storage.uploaded_images import delete_image

log = structlog.stdlib.get_logger(__name__)

POLL_SECONDS = 1.0  #: between two polls of the outbox
RETRY_SECONDS = 10.0  #: after a database error
ARCHIVED_THREAD = 50083  #: Discord's code: nothing can be deleted there
PLACEHOLDER = "…"


async def process_deletions(client: discord.Client, deletions: Deletions, data_dir: Path) -> None:
    """Deletes what is due, until cancelled."""
    while True:
        try:
            any_deleted = False
            while deletion := await deletions.take():
                await _delete(client, deletions, deletion, data_dir)
                any_deleted = True
            if any_deleted:
                await deletions.truncate_wal()
            await asyncio.sleep(POLL_SECONDS)
        except StoreError as error:
            log.warning("deletions not processed, retrying", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)


async def _delete(
    client: discord.Client, deletions: Deletions, deletion: Deletion, data_dir: Path
) -> None:
    """Deletes one target, or postpones it. Raises StoreError."""
    try:
        match deletion.target:
            case Folder(job_id):
                await asyncio.to_thread(remove_folder, job_id, data_dir)
            case Image(name):
                if not await deletions.is_uploaded(name):
                    await asyncio.to_thread(delete_image, name, data_dir)
            case Message() as message:
                await _delete_message(client, message)
    except StoreError:
        raise
    except Exception as error:
        expected = isinstance(
            error,
            (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError),
        )
        log.warning(
            "deletion failed, retrying",
            what=type(deletion.target).__name__,
            error=str(error) or type(error).__name__,
            next_try_in=await deletions.failed(deletion),
            exc_info=None if expected else error,
        )
    else:
        await deletions.done(deletion)


async def _delete_message(client: discord.Client, message: Message) -> None:
    """Deletes a message. One that is gone, or that the bot can't access, counts as deleted."""
    channel = client.get_partial_messageable(message.channel_id)
    try:
        if (message_id := message.message_id) is None:
            # The sender crashed before it knew the message's id. Discord recognises the nonce and
            # returns that message; if it was never sent, this placeholder is deleted.
            assert message.nonce
            message_id = (await channel.send(PLACEHOLDER, nonce=message.nonce)).id
        try:
            await channel.get_partial_message(message_id).delete()
        except discord.HTTPException as error:
            if error.code != ARCHIVED_THREAD:
                raise
            # A new message unarchives the thread.
            placeholder = await channel.send(PLACEHOLDER, silent=True)
            await placeholder.delete()
            await channel.get_partial_message(message_id).delete()
    except discord.NotFound:
        pass
    except discord.Forbidden as error:
        log.warning(
            "a message is out of reach and stays", channel=message.channel_id, error=str(error)
        )
