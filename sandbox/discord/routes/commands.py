"""Application commands and their permissions."""

from sandbox.discord import errors
from sandbox.discord.commands import without_localizations
from sandbox.discord.rest import NOTHING, Answer, Call, Rest, Routes

routes = Routes()


@routes.add("GET", "/applications/{application_id}/commands")
@routes.add("GET", "/applications/{application_id}/guilds/{guild_id}/commands")
async def list_commands(rest: Rest, call: Call) -> Answer:
    commands = rest.commands.listed(rest.scope(call))
    if call.query.get("with_localizations", "false").lower() not in ("1", "true"):
        commands = [without_localizations(each) for each in commands]
    return Answer(commands)


@routes.add("PUT", "/applications/{application_id}/commands")
@routes.add("PUT", "/applications/{application_id}/guilds/{guild_id}/commands")
async def overwrite_commands(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.overwrite(rest.scope(call), call.json or []))


@routes.add("POST", "/applications/{application_id}/commands")
@routes.add("POST", "/applications/{application_id}/guilds/{guild_id}/commands")
async def create_command(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.add(rest.scope(call), call.json), 201)


@routes.add("GET", "/applications/{application_id}/commands/{command_id}")
@routes.add("GET", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
async def get_command(rest: Rest, call: Call) -> Answer:
    return Answer(rest.commands.get(rest.scope(call), call.id("command_id")))


@routes.add("DELETE", "/applications/{application_id}/commands/{command_id}")
@routes.add("DELETE", "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}")
async def delete_command(rest: Rest, call: Call) -> Answer:
    rest.commands.remove(rest.scope(call), call.id("command_id"))
    return NOTHING


@routes.add("GET", "/applications/{application_id}/guilds/{guild_id}/commands/permissions")
async def list_overrides(rest: Rest, call: Call) -> Answer:
    return Answer(rest.overrides.listed(rest.scope(call) or 0))


_OVERRIDES = "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}/permissions"


@routes.add("GET", _OVERRIDES)
async def get_overrides(rest: Rest, call: Call) -> Answer:
    return Answer(rest.overrides.of_command(rest.scope(call) or 0, call.id("command_id")))


@routes.add("PUT", _OVERRIDES)
async def set_overrides(rest: Rest, call: Call) -> Answer:
    raise errors.bots_not_allowed()
