"""Discord's REST API, version 10: the routes that the bot and the engine use."""

from sandbox.discord import errors
from sandbox.discord.rest import Route
from sandbox.discord.routes import application, commands, guilds, interactions, messages

ROUTES = (
    *application.routes,
    *guilds.routes,
    *messages.routes,
    *commands.routes,
    *interactions.routes,
)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route for a path below the API's root.

    Raises:
        DiscordError: 404 if nothing matches, 405 if only another method does.
    """
    matches = [(each, m) for each in ROUTES if (m := each.pattern.fullmatch(path))]
    if not matches:
        raise errors.not_found()
    fitting = [(each, match) for each, match in matches if each.method == method]
    if not fitting:
        raise errors.method_not_allowed()
    # `@me` and `@original` also match an id parameter, so the more specific template wins.
    each, match = min(fitting, key=lambda pair: len(pair[1].groups()))
    return each, match.groupdict()
