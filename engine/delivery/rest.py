"""A Discord client that uses only REST, without a gateway, and the meaning of its errors.

The engine edits messages by channel and message id, or by an interaction's token (see
`engine.delivery.responses`).
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
from core.metrics import counting_trace
from core.settings import Settings

log = structlog.stdlib.get_logger(__name__)

MAX_RATE_LIMIT_WAIT = 30.0
"""Seconds that discord.py waits for a rate limit; for longer ones, it raises RateLimited."""

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0  #: seconds

UNKNOWN_MESSAGE = 10008
OLD_MESSAGE = 30046  #: too many edits of messages that are over an hour old
ARCHIVED_THREAD = 50083  #: edits fail; a new message unarchives the thread


class DiscordError(Exception):
    """Discord cannot be used; `str(error)` is one sentence for the host."""


class TokenRefusedError(DiscordError):
    """Discord does not accept the token."""


class UnreachableError(DiscordError):
    """Discord does not respond."""


class DiscordTime:
    """Discord's clock, from the Date headers of its responses, accurate to a second.

    This machine's clock may be wrong, or be set while a job runs, so it cannot be used for the age
    of a message.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        """Added to the monotonic clock, it gives seconds since 1970."""

    def now(self) -> float:
        """Seconds since 1970; from this machine's clock until Discord's first response."""
        return time.time() if self._offset is None else time.monotonic() + self._offset

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
        self._offset = date.timestamp() - time.monotonic()


class RestClient(discord.Client):
    """A discord.py client with Discord's clock."""

    def __init__(self) -> None:
        self.time = DiscordTime()
        trace = counting_trace()
        trace.on_request_end.append(self.time.on_response)
        super().__init__(
            intents=discord.Intents(guilds=True),  # unused without a gateway, but avoids a warning
            allowed_mentions=ALLOWED_MENTIONS,
            max_ratelimit_timeout=MAX_RATE_LIMIT_WAIT,
            http_trace=trace,
        )


@asynccontextmanager
async def logged_in(settings: Settings) -> AsyncIterator[RestClient]:
    """A logged-in REST client. Raises DiscordError, and SettingsError without a token."""
    discord.http.Route.BASE = settings.discord_api_url
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # voice is not used
    client = RestClient()
    try:
        await _login(client, settings)
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def logged_in_when_reachable(settings: Settings) -> AsyncIterator[RestClient]:
    """Like `logged_in`, but retries until Discord responds: the network may not be up yet."""
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
    """Yields seconds to wait between retries: doubling up to a minute, with jitter, endlessly."""
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
    address = (
        ""
        if settings.discord_api_url.startswith("https://discord.com/")
        else (f" ({settings.discord_api_url})")
    )
    return TokenRefusedError(
        f"Discord{address} does not accept the token in DISCORD_TOKEN: copy it again from the "
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
