"""The connection to a sandbox's control API."""

import json
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self

import aiohttp

from sandbox.client.views import Payload
from sandbox.discord.client_errors import InteractionError, OptionError

_LINE_LIMIT = 1 << 22


class ControlApi:
    """Requests to the control API. Paths are relative to `/sandbox`.

    All methods raise OptionError or InteractionError for what the sandbox refuses.
    """

    def __init__(self, url: str, control_token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {control_token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the connection."""
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(limit=0),
            read_bufsize=_LINE_LIMIT,
        )

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The client is not started.")
        return self._session

    async def get(self, path: str, **query: str) -> Any:
        """The JSON response to a GET."""
        async with self.session.get(self._address(path), params=query) as response:
            return await _read(response)

    async def text(self, path: str, **query: str) -> str:
        """The text of a page."""
        async with self.session.get(self._address(path), params=query) as response:
            if response.status >= 400:
                await _read(response)
            return await response.text()

    async def post(self, path: str, body: Payload) -> Any:
        """The JSON response to a POST."""
        async with self.session.post(self._address(path), json=body) as response:
            return await _read(response)

    async def events(self, path: str, **query: str) -> AsyncGenerator[tuple[str, Payload], None]:
        """Name and data of each event of a stream."""
        async with self.session.get(self._address(path), params=query) as stream:
            name = ""
            async for line in stream.content:
                key, _, rest = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = rest
                elif key == "data":
                    yield name, json.loads(rest)

    async def upload(self, filename: str, content: bytes) -> int:
        """Upload a file for an option, a field or a message. Returns its id."""
        query = {"filename": filename}
        async with self.session.post(
            self._address("/uploads"), params=query, data=content
        ) as response:
            return int((await _read(response))["id"])

    async def download(self, url: str) -> bytes:
        """A file from the sandbox's CDN."""
        async with self.session.get(url) as response:
            response.raise_for_status()
            return await response.read()

    def _address(self, path: str) -> str:
        return f"{self._url}/sandbox{path}"


async def _read(response: aiohttp.ClientResponse) -> Any:
    body = await response.json()
    if response.status == 422:
        raise OptionError(body["option"], body["reason"])
    if response.status >= 400:
        raise InteractionError(body["error"])
    return body
