"""Access to the control API, and its error responses."""

import secrets

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.discord.client_errors import InteractionError, OptionError
from sandbox.discord.errors import DiscordError

PREFIX = "/sandbox"


def guard(control_token: str) -> Middleware:
    """Requires the control token, as `Authorization: Bearer …` or `?token=…`.

    What Discord's client refuses becomes status 409, or 422 with the option that is wrong; a
    malformed body 400.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != PREFIX and not request.path.startswith(PREFIX + "/"):
            return await handler(request)
        header = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = header or request.query.get("token", "")
        if not secrets.compare_digest(token.encode(), control_token.encode()):
            return web.json_response({"error": "The control token is wrong."}, status=401)
        try:
            return await handler(request)
        except OptionError as error:
            body = {"error": str(error), "option": error.option, "reason": error.reason}
            return web.json_response(body, status=422)
        except InteractionError as error:
            return web.json_response({"error": str(error)}, status=409)
        except DiscordError as error:
            return web.json_response({"error": error.message}, status=error.status)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"Malformed request: {error!r}"}, status=400)

    return guarded
