"""Writes a channel as it looks to a member: as Markdown, or as one HTML page with its pictures."""

from sandbox.world import Channel, User, World


def write_text(world: World, channel: Channel, user: User) -> str:
    return ""


def write_html(world: World, channel: Channel, user: User) -> str:
    return ""
