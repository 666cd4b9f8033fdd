"""The client of a sandbox, for tests in the same process and for other programs."""

import asyncio
from collections.abc import Iterable, Mapping

from sandbox.client.http import ControlApi
from sandbox.client.member import PATIENCE, HasId, Member
from sandbox.client.views import ChannelRef, Payload, RoleRef


class SandboxClient(ControlApi):
    """Adds members, roles and channels, and changes the guild's settings."""

    async def describe(self) -> Payload:
        """The guild, the channels, the bot, and whether it is connected."""
        description: Payload = await self.get("")
        return description

    async def commands(self) -> list[Payload]:
        """The commands that the bot has registered."""
        registered: list[Payload] = await self.get("/commands")
        return registered

    async def wait_for_command(self, name: str, *, patience: float = PATIENCE) -> None:
        """Wait until the bot is connected and has registered a command."""
        async with asyncio.timeout(patience):
            await self.get("/ready", command=name)

    async def requests(self) -> list[Payload]:
        """Every request of the bot and the engine so far."""
        recorded: list[Payload] = await self.get("/requests")
        return recorded

    async def member(
        self,
        name: str,
        *,
        permissions: int = 0,
        roles: Iterable[RoleRef] = (),
        locale: str = "en-US",
    ) -> Member:
        """A new member of the guild, in its first channel."""
        body = {
            "name": name,
            "permissions": permissions,
            "locale": locale,
            "roles": [str(role.id) for role in roles],
        }
        joined = await self.post("/members", body)
        channel = (await self.describe())["channel"]
        return Member(self, int(joined["user"]["id"]), name, int(channel["id"]))

    async def role(self, name: str, *, permissions: int = 0) -> RoleRef:
        """A new role of the guild."""
        created = await self.post("/roles", {"name": name, "permissions": int(permissions)})
        return RoleRef(int(created["id"]), name)

    async def everyone(self) -> RoleRef:
        """The role that every member has."""
        return RoleRef(int((await self.describe())["guild"]["id"]), "@everyone")

    async def channel(self, name: str, *, nsfw: bool = False) -> ChannelRef:
        """A new text channel of the guild, age-restricted or not."""
        created = await self.post("/channels", {"name": name, "nsfw": nsfw})
        return ChannelRef(int(created["id"]), name)

    async def all_channels(self) -> ChannelRef:
        """Stands for all channels in `set_command_permissions`."""
        return ChannelRef(int((await self.describe())["guild"]["id"]) - 1, "all channels")

    async def archive(self, thread: ChannelRef) -> None:
        """Archive a thread: nothing in it can be edited until someone posts in it."""
        await self.post(f"/channels/{thread.id}/archive", {})

    async def set_overwrite(
        self, channel: ChannelRef, subject: HasId, *, allow: int = 0, deny: int = 0
    ) -> None:
        """Set the permission overwrite of a role or member in a channel."""
        body = {"subject": str(subject.id), "allow": int(allow), "deny": int(deny)}
        await self.post(f"/channels/{channel.id}/overwrites", body)

    async def set_command_permissions(
        self, command: str | None, permissions: Mapping[HasId, bool]
    ) -> None:
        """Set, as an administrator, who may use a command and where.

        Args:
            command: its name; None sets the permissions of all of the bot's commands.
            permissions: allow or deny by role, member or channel; an empty mapping restores the
                command's default.
        """
        allowed = {str(subject.id): allow for subject, allow in permissions.items()}
        await self.post("/commands/permissions", {"command": command, "permissions": allowed})

    async def set_guild_locale(self, locale: str) -> None:
        """Set the guild's language."""
        await self.post("/guild", {"locale": locale})
