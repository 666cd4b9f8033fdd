"""Discord's JSON for the sandbox's models."""

from collections.abc import Iterable, Mapping, Sequence

from sandbox.discord.cdn import Attachment, Cdn
from sandbox.discord.clock import timestamp
from sandbox.discord.constants import (
    ChannelType,
    ComponentType,
    MessageFlag,
    MessageType,
    ReferenceType,
)
from sandbox.discord.models import (
    Application,
    Channel,
    Forward,
    Guild,
    GuildMember,
    Message,
    Origin,
    Payload,
    Poll,
    Role,
    User,
)

_DESCRIBED = (("description", None), ("spoiler", False))
_ALWAYS_SHOWN: dict[int | None, tuple[tuple[str, object], ...]] = {
    None: _DESCRIBED,  # an item of a gallery
    ComponentType.THUMBNAIL: _DESCRIBED,
    ComponentType.CONTAINER: (("accent_color", None), ("spoiler", False)),
    ComponentType.SEPARATOR: (("spacing", 1), ("divider", True)),
    ComponentType.FILE: (("spoiler", False),),
}
"""Fields of components that Discord returns even if the request did not contain them."""

AUTO_ARCHIVE_MINUTES = 1440
"""Shown for every thread; the sandbox archives threads only on request."""


def user_payload(user: User) -> Payload:
    return {
        "id": str(user.id),
        "username": user.name.lower().replace(" ", "_"),
        "global_name": None if user.bot else user.name,
        "discriminator": "0000" if user.bot else "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "banner": None,
        "accent_color": None,
        "public_flags": 0,
        "flags": 0,
        "bot": user.bot,
        "primary_guild": None,
    }


def role_payload(role: Role) -> Payload:
    return {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.managed,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member_payload(member: GuildMember) -> Payload:
    return {**partial_member_payload(member), "user": user_payload(member.user)}


def partial_member_payload(member: GuildMember) -> Payload:
    """A member without the user, as messages contain it."""
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": timestamp(member.joined),
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(role) for role in member.roles],
        "mute": False,
        "deaf": False,
    }


def reaction_payload(emoji: str, users: Sequence[User], viewer: User) -> Payload:
    """How many have reacted with an emoji, and whether `viewer` is one of them."""
    return {
        "emoji": emoji_payload(emoji),
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "burst_colors": [],
        "me": viewer in users,
        "me_burst": False,
    }


def poll_payload(poll: Poll, viewer: User) -> Payload:
    """A poll with its results, which leave out answers without votes."""
    return {
        "question": {"text": poll.question},
        "answers": [
            {"answer_id": number, "poll_media": _without_nulls(media)}
            for number, media in poll.answers.items()
        ],
        "expiry": timestamp(poll.expiry),
        "allow_multiselect": poll.multiple,
        "layout_type": 1,
        "results": {
            "answer_counts": [
                {"id": number, "count": len(voters), "me_voted": viewer in voters}
                for number, voters in poll.votes.items()
                if voters
            ],
            "is_finalized": poll.ended,
        },
    }


def emoji_payload(emoji: str) -> Payload:
    return {"id": None, "name": emoji}


class Payloads:
    """Payloads that need more than the model itself: signed URLs, the guild, the application."""

    def __init__(
        self,
        cdn: Cdn,
        application: Application,
        guilds: Mapping[int, Guild],
    ) -> None:
        self._cdn = cdn
        self._application = application
        self._guilds = guilds

    def message(self, message: Message, viewer: User | None = None) -> Payload:
        """A message as the bot, or the `viewer`, reads it.

        Attachments that an embed shows are left out of `attachments`, as Discord does. All are left
        out for a layout, which shows those that its components name.
        """
        embeds = [self._embed_payload(embed, message) for embed in message.embeds]
        shown_in_embeds = {
            attachment.id
            for embed in message.embeds
            for attachment in self._images(embed, message).values()
        }
        payload: Payload = {
            "id": str(message.id),
            "type": message.kind,
            "channel_id": str(message.channel_id),
            "author": user_payload(message.author),
            "content": message.content,
            "timestamp": timestamp(message.created),
            "edited_timestamp": None if message.edited is None else timestamp(message.edited),
            "flags": message.flags | (MessageFlag.EPHEMERAL if message.only_for is not None else 0),
            "mentions": [user_payload(user) for user in message.mentions],
            "mention_roles": [str(role) for role in message.mention_roles],
            "mention_everyone": message.mention_everyone,
            "attachments": [
                self.attachment(file)
                for file in message.files
                if file.id not in shown_in_embeds and not message.flags & MessageFlag.COMPONENTS_V2
            ],
            "embeds": embeds,
            "components": [self._component_payload(part, message) for part in message.components],
            "pinned": False,
            "tts": False,
        }
        if message.nonce is not None:
            payload["nonce"] = message.nonce
        viewer = viewer or self._application.bot
        if message.poll is not None:
            payload["poll"] = poll_payload(message.poll, viewer)
        if message.reactions:
            payload["reactions"] = [
                reaction_payload(emoji, users, viewer) for emoji, users in message.reactions.items()
            ]
        if message.reference is not None:
            payload["message_reference"] = {
                "type": ReferenceType.DEFAULT,
                "channel_id": str(message.channel_id),
                "message_id": str(message.reference),
            }
        if message.forward is not None:
            payload |= _forward_payload(message.forward)
        if message.origin is not None:
            payload |= self._origin_payload(message.origin, message)
        return payload

    def attachment(self, attachment: Attachment) -> Payload:
        url = self._cdn.url(attachment)
        payload: Payload = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
        }
        optional = {
            "width": attachment.width,
            "height": attachment.height,
            "description": attachment.description,
            "ephemeral": attachment.ephemeral or None,
        }
        return payload | {key: value for key, value in optional.items() if value is not None}

    def channel(self, channel: Channel) -> Payload:
        last = str(max(channel.messages)) if channel.messages else None
        if channel.guild_id is None:
            named = {"name": channel.name, "icon": None} if channel.group else {}
            owner = {"owner_id": str(channel.group[0].id)} if channel.group else {}
            return {
                "id": str(channel.id),
                "type": channel.kind,
                "flags": 0,
                "last_message_id": last,
                "recipients": [user_payload(user) for user in channel.users],
                **named,
                **owner,
            }
        if channel.parent is not None:
            return self._thread_payload(channel, channel.parent, last)
        guild = self._guilds[channel.guild_id]
        return {
            "id": str(channel.id),
            "type": ChannelType.TEXT,
            "guild_id": str(guild.id),
            "name": channel.name,
            "topic": channel.topic,
            "nsfw": channel.nsfw,
            "position": channel.position,
            "parent_id": None,
            "flags": 0,
            "last_message_id": last,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {
                    "id": str(subject),
                    "type": 0 if subject in guild.roles else 1,
                    "allow": str(int(allow)),
                    "deny": str(int(deny)),
                }
                for subject, (allow, deny) in channel.overwrites.items()
            ],
        }

    def _thread_payload(self, thread: Channel, parent: Channel, last: str | None) -> Payload:
        return {
            "id": str(thread.id),
            "type": ChannelType.PUBLIC_THREAD,
            "guild_id": str(thread.guild_id),
            "parent_id": str(parent.id),
            "owner_id": str(thread.owner_id),
            "name": thread.name,
            "flags": 0,
            "last_message_id": last,
            "rate_limit_per_user": 0,
            "message_count": len(thread.messages),
            "total_message_sent": len(thread.messages),
            "member_count": 1,
            "thread_metadata": {
                "archived": thread.archived is not None,
                "archive_timestamp": timestamp(thread.archived or thread.created),
                "auto_archive_duration": AUTO_ARCHIVE_MINUTES,
                "locked": False,
                "create_timestamp": timestamp(thread.created),
            },
        }

    def guild(self, guild: Guild) -> Payload:
        """A guild as the REST API returns it."""
        return {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "description": None,
            "home_header": None,
            "splash": None,
            "discovery_splash": None,
            "features": [],
            "banner": None,
            "owner_id": str(guild.owner_id),
            "application_id": None,
            "region": "deprecated",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "widget_channel_id": None,
            "verification_level": 0,
            "roles": [role_payload(role) for role in guild.roles.values()],
            "default_message_notifications": 0,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": guild.locale,
            "rules_channel_id": None,
            "safety_alerts_channel_id": None,
            "public_updates_channel_id": None,
            "premium_progress_bar_enabled": False,
            "premium_progress_bar_enabled_user_updated_at": None,
            "nsfw": False,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
        }

    def gateway_guild(self, guild: Guild, threads: Iterable[Channel]) -> Payload:
        """A guild as GUILD_CREATE sends it to a bot without the members intent."""
        own = guild.members[self._application.bot.id]
        return {
            **self.guild(guild),
            "joined_at": timestamp(own.joined),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [member_payload(own)],
            "channels": [self.channel(channel) for channel in guild.channels.values()],
            "threads": [self.channel(thread) for thread in threads],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def interaction_member(self, user: User, channel: Channel) -> Payload:
        """A guild member with their permissions in a channel, as interactions contain it."""
        guild = self._guilds[channel.guild_id or 0]
        permissions = str(int(guild.permissions(channel, user)))
        return {**member_payload(guild.members[user.id]), "permissions": permissions}

    def _origin_payload(self, origin: Origin, message: Message) -> Payload:
        payload: Payload = {
            "application_id": str(self._application.id),
            "webhook_id": str(self._application.id),
            "interaction_metadata": self._metadata(origin, message),
        }
        if origin.command is not None:
            payload["interaction"] = {
                "id": str(origin.interaction_id),
                "type": origin.kind,
                "name": origin.command,
                "user": user_payload(origin.user),
            }
        return payload

    def _metadata(self, origin: Origin, message: Message) -> Payload:
        metadata: Payload = {
            "id": str(origin.interaction_id),
            "type": origin.kind,
            "user": user_payload(origin.user),
            "authorizing_integration_owners": dict(origin.installations),
        }
        if origin.message_id is not None:
            metadata["interacted_message_id"] = str(origin.message_id)
        if origin.target_message_id is not None:
            metadata["target_message_id"] = str(origin.target_message_id)
        if origin.target_user is not None:
            metadata["target_user"] = user_payload(origin.target_user)
        if origin.command is not None:
            metadata["name"] = origin.command
        if origin.trigger is not None:
            trigger = self._metadata(origin.trigger, message)
            metadata["triggering_interaction_metadata"] = trigger
        return metadata

    def _source(self, url: object, message: Message) -> Attachment | None:
        """The attachment of this message that a URL in its body refers to."""
        if not isinstance(url, str):
            return None
        if url.startswith("attachment://"):
            name = url.removeprefix("attachment://")
            return next((file for file in message.files if file.filename == name), None)
        named = self._cdn.named_by(url)
        return named if named in message.files else None

    def _images(self, embed: Payload, message: Message) -> dict[str, Attachment]:
        """The images of an embed that are attachments of the message itself."""
        links = {
            "image": (embed.get("image") or {}).get("url"),
            "thumbnail": (embed.get("thumbnail") or {}).get("url"),
            "author": (embed.get("author") or {}).get("icon_url"),
            "footer": (embed.get("footer") or {}).get("icon_url"),
        }
        found = {slot: self._source(url, message) for slot, url in links.items()}
        return {slot: file for slot, file in found.items() if file is not None}

    def _embed_payload(self, embed: Payload, message: Message) -> Payload:
        images = self._images(embed, message)
        shown = _without_nulls({**embed, "type": "rich"})
        if message.kind == MessageType.POLL_RESULT:
            shown["type"] = "poll_result"
        for slot in ("image", "thumbnail"):
            if slot in shown:
                shown[slot] = self._media(shown[slot].get("url"), images.get(slot))
                if not shown[slot]:
                    del shown[slot]  # the file is missing, so Discord shows no image
        for slot in ("author", "footer"):
            icon = shown.get(slot, {}).pop("icon_url", None)
            media = self._media(icon, images.get(slot))
            if media:
                shown[slot] |= {"icon_url": media["url"], "proxy_icon_url": media["proxy_url"]}
        for entry in shown.get("fields", ()):
            entry.setdefault("inline", False)
        return shown

    def _media(self, url: object, file: Attachment | None) -> Payload:
        if file is not None:
            known = self.attachment(file)
            keys = ("url", "proxy_url", "width", "height", "content_type", "description")
            return {key: known[key] for key in keys if key in known}
        if isinstance(url, str) and not url.startswith("attachment://"):
            return {"url": url, "proxy_url": url}
        return {}

    def _component_payload(self, component: Payload, message: Message) -> Payload:
        """A component as the API returns it: files resolved, null fields removed."""
        shown = _without_nulls(component)
        for key, nothing in _ALWAYS_SHOWN.get(component.get("type"), ()):
            shown.setdefault(key, nothing)
        for key, value in component.items():
            if key in ("components", "items") and isinstance(value, list):
                shown[key] = [self._component_payload(part, message) for part in value]
            elif key == "accessory" and isinstance(value, dict):
                shown[key] = self._component_payload(value, message)
            elif key in ("media", "file") and isinstance(value, dict):
                shown[key] = self._unfurled(value["url"], message)
        if component.get("type") == ComponentType.FILE:
            file = self._source(component["file"]["url"], message)
            shown |= {"name": file.filename, "size": file.size} if file else {}
        return shown

    def _unfurled(self, url: str, message: Message) -> Payload:
        """Media in a layout: a file of the message, or a URL on the web."""
        file = self._source(url, message)
        if file is None:
            return {"id": str(message.id), "url": url, "proxy_url": url}
        known = self.attachment(file)
        keys = ("id", "url", "proxy_url", "width", "height", "content_type")
        return {key: known[key] for key in keys if key in known} | {"attachment_id": str(file.id)}


def _forward_payload(forward: Forward) -> Payload:
    reference = {
        "type": ReferenceType.FORWARD,
        "channel_id": str(forward.channel_id),
        "message_id": str(forward.message_id),
    }
    if forward.guild_id is not None:
        reference["guild_id"] = str(forward.guild_id)
    return {"message_reference": reference, "message_snapshots": [{"message": forward.snapshot}]}


def _without_nulls(value: Payload) -> Payload:
    """A deep copy without null fields."""
    copied: Payload = {}
    for key, item in value.items():
        if isinstance(item, dict):
            copied[key] = _without_nulls(item)
        elif isinstance(item, list):
            copied[key] = [_without_nulls(x) if isinstance(x, dict) else x for x in item]
        elif item is not None:
            copied[key] = item
    return copied
