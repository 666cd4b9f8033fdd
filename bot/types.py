"""Types that commands, components and services share."""

import discord

from bot.client import ImagineBot

Interaction = discord.Interaction[ImagineBot]
