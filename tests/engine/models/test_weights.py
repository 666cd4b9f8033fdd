"""Downloads from a local server that fails in the ways that real servers do."""

import hashlib
import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models import weights
from engine.models.catalogue import CATALOGUE, Download, Entry, WeightsError
from engine.models.weights import State

CONTENT = bytes((i * i) % 251 for i in range(40_000))


@dataclass
class Source:
    """How the server responds for one path, and the ranges that were requested."""

    content: bytes = CONTENT
    supports_ranges: bool = True
    breaks_after: int | None = None
    shift: int = 0
    is_html: bool = False
    requested: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    sources: dict[str, Source]

    def do_GET(self) -> None:
        source = self.sources.get(self.path)
        if source is None:
            return self.send_error(HTTPStatus.NOT_FOUND)
        requested = self.headers.get("Range")
        source.requested.append(requested)
        start = int(requested[len("bytes=") : -1]) if requested and source.supports_ranges else 0
        start += source.shift
        body = source.content[start:]
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html" if source.is_html else "application/x-yaml")
        if start:
            total = len(source.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(body[: source.breaks_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Web:
    address: str
    sources: dict[str, Source]

    def put(self, path: str, source: Source) -> str:
        self.sources[path] = source
        return self.address + path


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def web(server: ThreadingHTTPServer) -> Web:
    Handler.sources = {}
    return Web(f"http://127.0.0.1:{server.server_port}", Handler.sources)


SHA256 = hashlib.sha256(CONTENT).hexdigest()


def model(*sources: str, size: int | None = len(CONTENT), sha256: str | None = SHA256) -> Entry:
    """A model of one file, which these sources have."""
    file = Download("net.bin", size, sha256, "MIT", sources)
    return Entry("tiny", "for tests", 8, 4, 10, 0.5, "net.bin", "net.bin", "net.bin", (file,))


def folder_of(data_dir: Path) -> Path:
    folder = data_dir / "weights" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_pull_stores_the_file_with_its_checksum_and_nothing_else(
    web: Web, tmp_path: Path
) -> None:
    entry = model(web.put("/net", Source()))
    assert weights.check(entry, tmp_path).files[0].state is State.MISSING
    assert weights.pull(entry, tmp_path).ready
    folder = folder_of(tmp_path)
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert {path.name for path in folder.iterdir()} == {"net.bin", "SHA256SUMS"}
    assert weights.checksums(entry, folder) == {"net.bin": entry.downloads[0].sha256}


def test_a_file_that_exists_is_not_downloaded_again(web: Web, tmp_path: Path) -> None:
    source = Source()
    entry = model(web.put("/net", source))
    weights.pull(entry, tmp_path)
    weights.pull(entry, tmp_path)
    assert len(source.requested) == 1


def test_an_interrupted_download_resumes_where_it_stopped(web: Web, tmp_path: Path) -> None:
    source = Source()
    entry = model(web.put("/net", source))
    (folder_of(tmp_path) / "net.bin.part").write_bytes(CONTENT[:30_000])
    status = weights.check(entry, tmp_path).files[0]
    assert (status.state, status.size) == (State.PARTIAL, 30_000)
    assert weights.pull(entry, tmp_path).ready
    assert source.requested == ["bytes=30000-"]


def test_a_broken_connection_is_resumed(web: Web, tmp_path: Path) -> None:
    source = Source(breaks_after=15_000)
    assert weights.pull(model(web.put("/net", source)), tmp_path).ready
    assert source.requested == [None, "bytes=15000-", "bytes=30000-"]


@settings(max_examples=40, deadline=None)
@given(
    part=st.none()
    | st.integers(0, len(CONTENT)).map(lambda n: CONTENT[:n])
    | st.binary(min_size=1, max_size=64)
    | st.just(CONTENT + b"more"),
    broken=st.lists(
        st.builds(
            Source,
            content=st.sampled_from([CONTENT, CONTENT[::-1], b"<html>Please log in</html>"]),
            supports_ranges=st.booleans(),
            breaks_after=st.none() | st.integers(0, len(CONTENT)),
            shift=st.sampled_from([0, 0, 7]),
        ),
        max_size=2,
    ),
)
def test_one_good_source_is_enough_whatever_was_tried_before(
    server: ThreadingHTTPServer, part: bytes | None, broken: list[Source]
) -> None:
    Handler.sources = {f"/{i}": source for i, source in enumerate([*broken, Source()])}
    address = f"http://127.0.0.1:{server.server_port}"
    entry = model(*(address + path for path in Handler.sources))
    with TemporaryDirectory() as data_dir:
        folder = folder_of(Path(data_dir))
        if part is not None:
            (folder / "net.bin.part").write_bytes(part)
        # A source that breaks off after a few bytes would take thousands of requests.
        for source in broken:
            if source.breaks_after is not None and source.supports_ranges:
                source.breaks_after = max(source.breaks_after, 9_000)
        assert weights.pull(entry, Path(data_dir)).ready
        assert (folder / "net.bin").read_bytes() == CONTENT


def test_mirrors_are_tried_in_order_and_the_error_names_them_all(web: Web, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{unused.getsockname()[1]}/net"
    wrong = web.put("/wrong", Source(content=CONTENT[::-1]))
    page = web.put("/page", Source(content=b"<html>Please log in</html>"))
    entry = model(web.address + "/gone", unreachable, wrong, page)
    with pytest.raises(WeightsError) as caught:
        weights.pull(entry, tmp_path)
    message = str(caught.value)
    assert message.startswith("net.bin could not be downloaded (127.0.0.1: ")
    assert "Not Found" in message
    assert "Connection refused" in message
    assert "different checksum" in message
    assert "26 bytes instead of 40,000" in message
    assert "run `python -m engine weights pull tiny` again" in message
    assert list(folder_of(tmp_path).iterdir()) == []


def test_a_partial_download_is_kept_but_never_under_the_files_name(
    web: Web, tmp_path: Path
) -> None:
    source = Source(supports_ranges=False, breaks_after=12_345)
    with pytest.raises(WeightsError, match="the download breaks off"):
        weights.pull(model(web.put("/net", source)), tmp_path)
    folder = folder_of(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["net.bin.part"]
    assert (folder / "net.bin.part").read_bytes() == CONTENT[:12_345]


def test_a_damaged_file_is_found_by_the_check_and_replaced_by_a_pull(
    web: Web, tmp_path: Path
) -> None:
    entry = model(web.put("/net", Source()))
    weights.pull(entry, tmp_path)
    file = folder_of(tmp_path) / "net.bin"
    file.write_bytes(b"?" + CONTENT[1:])
    assert weights.check(entry, tmp_path).files[0].state is State.DAMAGED
    with pytest.raises(WeightsError, match=r"net\.bin is damaged .* `python -m engine weights"):
        weights.checksums(entry, file.parent)
    assert weights.pull(entry, tmp_path).ready
    assert file.read_bytes() == CONTENT


def test_the_first_download_of_a_file_without_a_published_checksum_sets_its_checksum(
    web: Web, tmp_path: Path
) -> None:
    source = Source(breaks_after=15_000)
    entry = model(web.put("/net", source), size=None, sha256=None)
    status = weights.pull(entry, tmp_path)
    assert (status.ready, status.files[0].published) == (True, False)
    file = folder_of(tmp_path) / "net.bin"
    assert file.read_bytes() == CONTENT
    assert weights.checksums(entry, file.parent) == {"net.bin": SHA256}
    file.write_bytes(b"?" + CONTENT[1:])
    assert weights.check(entry, tmp_path).files[0].state is State.DAMAGED
    source.content = CONTENT[::-1]
    with pytest.raises(WeightsError, match="different checksum"):
        weights.pull(entry, tmp_path)
    source.content = CONTENT
    assert weights.pull(entry, tmp_path).ready
    assert file.read_bytes() == CONTENT


def test_a_file_of_unknown_size_is_checked_by_its_checksum_and_a_web_page_is_refused(
    web: Web, tmp_path: Path
) -> None:
    page = web.put("/page", Source(content=b"<html>Please log in</html>", is_html=True))
    entry = model(page, size=None, sha256=None)
    with pytest.raises(WeightsError, match="it is a web page"):
        weights.pull(entry, tmp_path)
    entry = model(page, web.put("/net", Source()), size=None)
    (folder_of(tmp_path) / "net.bin.part").write_bytes(CONTENT[:9] + b"?")
    status = weights.pull(entry, tmp_path)
    assert (status.ready, status.files[0].published) == (True, True)


def test_too_little_disk_space_is_reported_before_anything_is_downloaded(
    web: Web, tmp_path: Path
) -> None:
    source = Source()
    with pytest.raises(WeightsError, match=r"needs 1,000,000,000 MB more, but .* make room"):
        weights.pull(model(web.put("/net", source), size=10**15), tmp_path)
    assert source.requested == []


def test_a_disk_that_fills_up_is_not_blamed_on_the_source(web: Web, tmp_path: Path) -> None:
    source = Source()
    (folder_of(tmp_path) / "net.bin.part").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="cannot be written: No space left on device"):
        weights.pull(model(web.put("/net", source), web.address + "/never"), tmp_path)
    assert len(source.requested) == 1


def test_the_listing_names_every_model_and_the_state_of_its_files(tmp_path: Path) -> None:
    statuses = {status.entry.name: status for status in weights.listing(tmp_path)}
    assert set(statuses) == set(CATALOGUE) >= {"sketch", "imagenet", "gumbel"}
    assert not statuses["imagenet"].ready
    assert {file.state for file in statuses["imagenet"].files} == {State.MISSING}


def test_no_redirect_leaves_https() -> None:
    (redirects,) = (
        handler for handler in weights.OPENER.handlers if isinstance(handler, HTTPRedirectHandler)
    )

    def redirect(source: str, target: str) -> Request | None:
        found = HTTPStatus.FOUND
        return redirects.redirect_request(
            Request(source), io.BytesIO(), found, "Found", HTTPMessage(), target
        )

    for target in ("http://example.org/net", "ftp://example.org/net", "file:///etc/passwd"):
        with pytest.raises(URLError, match="without https"):
            redirect("https://example.org/net", target)
    followed = redirect("https://example.org/net", "https://example.com/net")
    assert followed is not None
    assert followed.full_url == "https://example.com/net"
