"""The page under `/`: its files, and who may ask this server for anything at all.

The page drives the control API with the control token, which stands in the part of its address
that no browser sends (`#…`). No cookie is set, so another page has nothing to ride on; requests
under a foreign name (DNS rebinding) or from a foreign page are refused beforehand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler

if TYPE_CHECKING:
    from sandbox.server import Sandbox

FOLDER = Path(__file__).parent / "static"
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

_EVERYWHERE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'"
)
_FILE_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; sandbox"
"""Whatever somebody attached, it runs no script in the page's name."""


class Page:
    """Serves the page of a sandbox, to this machine only."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add_routes(self, application: web.Application) -> None:
        """Hang the page into the server, and its rules before everything."""
        application.middlewares.append(self._from_here_only)
        application.on_response_prepare.append(_add_headers)
        application.router.add_get("/", self.serve)
        application.router.add_get(r"/page/{name:[a-z_]+\.(js|css|svg)}", self.serve)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One of the page's files, as it lies on disk now."""
        path = FOLDER / request.match_info.get("name", "index.html")
        if not path.is_file():
            raise web.HTTPNotFound
        response = web.Response(
            body=path.read_bytes(),
            content_type=KINDS[path.suffix],
            charset="utf-8",
            headers={"Cache-Control": "no-store"},
        )
        response.enable_compression()
        return response

    @property
    def address(self) -> str:
        """What to open; the token in it opens the door."""
        return f"{self._sandbox.url}/#{self._sandbox.control_token}"

    @web.middleware
    async def _from_here_only(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        port = self._sandbox.url.rpartition(":")[2]
        hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origin = request.headers.get("Origin")
        if request.host not in hosts:
            raise web.HTTPForbidden(text="This server answers to its own address only.")
        if origin is not None and origin.removeprefix("http://") not in hosts:
            raise web.HTTPForbidden(text="Another page may not ask for this.")
        return await handler(request)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_EVERYWHERE)
    of_members = request.path.startswith("/cdn/")
    response.headers["Content-Security-Policy"] = _FILE_POLICY if of_members else _PAGE_POLICY
