"""Forwarded messages, which Discord shows as copies without an author."""

import discord


def original_of(message: discord.Message) -> tuple[int, int]:
    """The ids of a message's channel and of the message; of a forward, those of the original.

    A forward keeps neither the original's author nor its warnings.
    """
    reference = message.reference
    if message.message_snapshots and reference and reference.message_id:
        return reference.channel_id, reference.message_id
    return message.channel.id, message.id
