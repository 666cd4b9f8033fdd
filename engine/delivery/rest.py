"""A Discord client that uses REST only, without a gateway, and what its errors mean.

The engine uses channel routes alone, by the ids of channels and messages; interaction tokens, which
expire after 15 minutes, are the bot's.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import discord
import structlog

from core.discord_ui.job_message import ALLOWED_MENTIONS
from core.metrics import counted_requests
from core.settings import Settings

log = structlog.stdlib.get_logger(__name__)

LONGEST_WAIT = 30.0
"""Seconds that discord.py itself waits for a rate limit; for longer ones it raises RateLimited."""

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0  #: seconds

UNKNOWN_MESSAGE = 10008
OLD_MESSAGE = 30046  #: too many edits of messages that are over an hour old
ARCHIVED_THREAD = 50083  #: nothing can be edited there; a new message opens it again


class DiscordError(Exception):
    """Discord cannot be used; `str(error)` is one sentence for the host."""


class TokenRefusedError(DiscordError):
    """Discord does not accept the token."""


class UnreachableError(DiscordError):
    """Discord does not respond at present."""


class DiscordTime:
    """Discord's clock, by the dates of its responses, to the second.

    This machine's clock may be wrong, or be set while a job runs, so it cannot tell the age of a
    message.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None
        """What to add to the monotonic clock for seconds since 1970."""

    def now(self) -> float:
        """Seconds since 1970; by this machine's clock until Discord has answered once."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    async def on_response(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end: aiohttp.TraceRequestEndParams,
    ) -> None:
        """For a trace's `on_request_end`."""
        try:
            date = parsedate_to_datetime(end.response.headers["Date"])
        except (KeyError, ValueError):
            return
        self._ahead = date.timestamp() - time.monotonic()


class RestClient(discord.Client):
    """A discord.py client with Discord's clock."""

    def __init__(self) -> None:
        self.time = DiscordTime()
        trace = counted_requests()
        trace.on_request_end.append(self.time.on_response)
        super().__init__(
            intents=discord.Intents(guilds=True),  # unused without a gateway, but avoids a warning
            allowed_mentions=ALLOWED_MENTIONS,
            max_ratelimit_timeout=LONGEST_WAIT,
            http_trace=trace,
        )


@asynccontextmanager
async def logged_in(settings: Settings) -> AsyncIterator[RestClient]:
    """A client for REST alone. Raises SettingsError without a token, DiscordError."""
    discord.http.Route.BASE = settings.discord_api_url
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # it uses no voice
    client = RestClient()
    try:
        await _login(client, settings)
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def logged_in_when_reachable(settings: Settings) -> AsyncIterator[RestClient]:
    """`logged_in`, for a program that may start before its network: tries until Discord answers."""
    async with AsyncExitStack() as stack:
        for delay in retry_delays():
            try:
                client = await stack.enter_async_context(logged_in(settings))
                break
            except UnreachableError as error:
                log.warning(str(error), next_try_in=round(delay, 1))
                await asyncio.sleep(delay)
        yield client


def retry_delays() -> Iterator[float]:
    """Endless waits between tries, in seconds: doubling up to a minute, with jitter."""
    delay = FIRST_RETRY
    while True:
        yield delay * random.uniform(0.5, 1)
        delay = min(delay * 2, LONGEST_RETRY)


def is_temporary(error: Exception) -> bool:
    """Whether the same request may succeed later, because Discord or the network is at fault."""
    match error:
        case discord.RateLimited() | discord.DiscordServerError():
            return True
        case discord.HTTPException():
            return error.status in (408, 429)
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


def is_token_refused(error: Exception) -> bool:
    return isinstance(error, discord.HTTPException) and error.status == 401


def cannot_be_edited(error: discord.HTTPException) -> bool:
    """Whether this message cannot be edited any more, while a new one may be sent."""
    return error.code in (UNKNOWN_MESSAGE, OLD_MESSAGE, ARCHIVED_THREAD)


def token_refused(settings: Settings) -> TokenRefusedError:
    where = (
        ""
        if settings.discord_api_url.startswith("https://discord.com/")
        else (f" ({settings.discord_api_url})")
    )
    return TokenRefusedError(
        f"Discord{where} does not accept the token in DISCORD_TOKEN: copy it once more from the "
        "developer portal (your application, page “Bot”, “Reset Token”)."
    )


async def _login(client: discord.Client, settings: Settings) -> None:
    address = settings.discord_api_url
    try:
        await client.login(settings.token())
    except discord.LoginFailure as error:
        raise token_refused(settings) from error
    except Exception as error:
        if is_temporary(error):
            raise UnreachableError(f"Discord does not answer at {address}: {error}.") from error
        if isinstance(error, discord.HTTPException):
            raise DiscordError(
                f"{address} refuses the login ({error.status}): check DISCORD_API_URL."
            ) from error
        raise
