"""The engine's way to Discord: REST only, no gateway, and what its errors mean.

The engine speaks through channel routes alone, by the ids of channels and messages; interaction
tokens, which die after 15 minutes, are the bot's.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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
"""Seconds that discord.py itself waits for a rate limit; of longer ones it tells us."""

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0  #: seconds

UNKNOWN_MESSAGE = 10008
OLD_MESSAGE = 30046  #: too many edits of messages that are over an hour old
ARCHIVED_THREAD = 50083  #: nothing can be edited there; a new message opens it again


class DiscordError(Exception):
    """Discord cannot be used; `str(error)` is one sentence for the host."""


class TokenRefusedError(DiscordError):
    """Discord does not know the token."""


class UnreachableError(DiscordError):
    """Discord does not answer at present."""


class DiscordTime:
    """What time it is for Discord, by the dates of its answers; to the second.

    This machine's clock may be wrong, or be set while a job is painted: how old a message is, it
    cannot tell.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None
        """Seconds since 1970 less the seconds of the monotonic clock."""

    def now(self) -> float:
        """Seconds since 1970; this machine's until Discord has answered once."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead

    async def hear(
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
    """A client that knows Discord's time."""

    def __init__(self) -> None:
        self.time = DiscordTime()
        trace = counted_requests()
        trace.on_request_end.append(self.time.hear)
        super().__init__(
            intents=discord.Intents(guilds=True),  # of no use without a gateway, but no warning
            allowed_mentions=ALLOWED_MENTIONS,
            max_ratelimit_timeout=LONGEST_WAIT,
            http_trace=trace,
        )


@asynccontextmanager
async def logged_in(settings: Settings) -> AsyncIterator[RestClient]:
    """A client for REST alone. Raises SettingsError without a token, DiscordError."""
    discord.http.Route.BASE = settings.discord_api_url
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # it never speaks
    client = RestClient()
    try:
        await _login(client, settings)
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def logged_in_at_last(settings: Settings) -> AsyncIterator[RestClient]:
    """`logged_in`, for a program that may start before its network: tries until Discord answers."""
    for delay in retry_delays():
        try:
            async with logged_in(settings) as client:
                yield client
                return
        except UnreachableError as error:
            log.warning(str(error), next_try_in=round(delay, 1))
            await asyncio.sleep(delay)


def retry_delays() -> Iterator[float]:
    """Seconds to wait before each further try, for ever: doubling up to a minute, with jitter."""
    delay = FIRST_RETRY
    while True:
        yield delay * random.uniform(0.5, 1)
        delay = min(delay * 2, LONGEST_RETRY)


def passes(error: Exception) -> bool:
    """Whether the same request may succeed later: Discord or the network are at fault."""
    match error:
        case discord.RateLimited() | discord.DiscordServerError():
            return True
        case discord.HTTPException():
            return error.status in (408, 429)
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


def cannot_be_edited(error: discord.HTTPException) -> bool:
    """Whether this message is lost for us, while a new one may do."""
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
        if passes(error):
            raise UnreachableError(f"Discord does not answer at {address}: {error}.") from error
        if isinstance(error, discord.HTTPException):
            raise DiscordError(
                f"{address} refuses the login ({error.status}): check DISCORD_API_URL."
            ) from error
        raise
