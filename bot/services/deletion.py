"""Takes pictures away for good: from the channel, from the disk, and out of the history."""

import asyncio
import shutil
from contextlib import suppress

import discord

from bot.client import ImagineBot
from core.job import Job
from core.storage.paths import folder_of


async def remove(bot: ImagineBot, job_id: int) -> None:
    """Deletes an ended job's pictures. What is gone already is not missed."""
    if job := await bot.store.delete(job_id):
        await sweep(bot, job)


async def sweep(bot: ImagineBot, job: Job) -> None:
    """Deletes a job's message and files."""
    if job.message_id:
        channel = bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        with suppress(discord.NotFound, discord.Forbidden):  # gone, or out of reach
            await channel.get_partial_message(job.message_id).delete()
    await asyncio.to_thread(shutil.rmtree, folder_of(job.id, bot.settings.data_dir), True)
