"""Serves the page's files, to this machine only.

The page calls the control API with the control token from the fragment of its URL (`#…`), which no
browser sends to a server. It sets no cookie, so other pages cannot act in its name; requests with
a foreign Host (DNS rebinding) or Origin are refused.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

FOLDER = Path(__file__).parent / "static"
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

_COMMON_HEADERS = {
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
"""For uploaded files, which must not run scripts with the page's origin."""


def routes() -> Sequence[web.RouteDef]:
    return [
        web.get("/", _serve),
        web.get(r"/page/{name:[a-z_]+\.(js|css|svg)}", _serve),
    ]


async def _serve(request: web.Request) -> web.StreamResponse:
    """One of the page's files, as it is on disk now."""
    path = FOLDER / request.match_info.get("name", "index.html")
    if not path.is_file():
        raise web.HTTPNotFound
    response = web.Response(
        body=path.read_bytes(),
        content_type=CONTENT_TYPES[path.suffix],
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )
    response.enable_compression()
    return response


def only_from_here(own_url: Callable[[], str]) -> Middleware:
    """Refuses requests whose Host or Origin is not this server. Its URL is known once it runs."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        port = own_url().rpartition(":")[2]
        hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origin = request.headers.get("Origin")
        if request.host not in hosts:
            raise web.HTTPForbidden(text="This server only answers to its own address.")
        if origin is not None and origin.removeprefix("http://") not in hosts:
            raise web.HTTPForbidden(text="Other pages may not send requests to this server.")
        return await handler(request)

    return check


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the security headers of the page, or of an uploaded file."""
    response.headers.update(_COMMON_HEADERS)
    uploaded = request.path.startswith("/cdn/")
    response.headers["Content-Security-Policy"] = _FILE_POLICY if uploaded else _PAGE_POLICY
