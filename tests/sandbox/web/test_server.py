"""The page's server: who may connect, what the page may load, and what its streams send."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import aiohttp
import discord
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sandbox import InteractionError, Member, Sandbox
from sandbox.discord.permissions import Permission
from sandbox.fixtures import populate
from sandbox.web.server import FOLDER
from tests.sandbox.conftest import Bot, with_timeout


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_only_requests_with_its_own_host_and_origin_are_answered(
    local: Sandbox, session: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    """Neither DNS rebinding nor another page's script gets access."""
    for path in ("/", "/page/main.js", "/sandbox", f"/sandbox?token={local.control_token}"):
        async with session.get(local.url + path, headers=headers) as response:
            expected = 401 if path == "/sandbox" and status == 200 else status
            assert response.status == expected, path


async def test_the_page_may_load_nothing_from_other_origins(
    local: Sandbox, session: aiohttp.ClientSession
) -> None:
    async with session.get(local.url) as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text
    assert local.control_token not in text


async def test_the_page_is_smaller_than_100_kilobytes_compressed(
    local: Sandbox, session: aiohttp.ClientSession
) -> None:
    """All files of the page, as they are sent over the network."""
    size = 0
    for path in ["", *(f"page/{file.name}" for file in FOLDER.iterdir())]:
        async with session.get(f"{local.url}/{path}", auto_decompress=False) as response:
            size += len(await response.read())
    assert 0 < size < 100_000


@pytest.mark.parametrize("name", ["../server.py", "%2e%2e%2fserver.py", "main.py", "none.js"])
async def test_only_files_of_the_page_are_served(
    local: Sandbox, session: aiohttp.ClientSession, name: str
) -> None:
    async with session.get(f"{local.url}/page/{name}") as response:
        assert response.status == 404


async def test_attachments_cannot_run_scripts(
    local: Sandbox, ada: Member, session: aiohttp.ClientSession
) -> None:
    number = await local.client.upload("page.html", b"<script>alert(1)</script>")
    attachment = local.world.cdn.find(number)
    assert attachment
    async with session.get(local.world.cdn.url(attachment)) as response:
        assert response.status == 200
        assert "sandbox" in response.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("number", ["%C2%B2", "%D9%A3", "-1", "9" * 5_000, "x"])
async def test_invalid_ids_are_not_found(
    local: Sandbox, session: aiohttp.ClientSession, number: str
) -> None:
    """`str.isdigit` also accepts digits of other scripts, which `int` may not."""
    async with session.get(f"{local.url}/cdn/attachments/1/{number}/x") as response:
        assert response.status == 404
    headers = {"Authorization": f"Bot {local.token}"}
    async with session.get(f"{local.api_url}/channels/{number}", headers=headers) as response:
        assert response.status == 400
    with pytest.raises(InteractionError, match="no such member"):
        await local.client.get(f"/channels/{local.channel.id}/messages", member=number)


async def test_a_malformed_request_is_refused(local: Sandbox, ada: Member) -> None:
    with pytest.raises(InteractionError, match="Malformed request"):
        await local.client.post("/commands/run", {"member": str(ada.id)})


async def test_a_member_receives_events_of_visible_channels_only(
    local: Sandbox, ada: Member
) -> None:
    """One stream covers all channels: first their current state, then every change."""
    populate(local)
    office = next(each for each in local.guild.channels.values() if each.name == "moderators")
    homework = next(each for each in local.world.channels.values() if each.name == "homework")
    mia = next(user for user in local.world.users.values() if user.name == "Mia")
    before = await ada.say("before")

    async def receive(member: int, count: int) -> list[tuple[str, dict[str, object]]]:
        received: list[tuple[str, dict[str, object]]] = []
        async with aclosing(local.client.events("/events", member=str(member))) as events:
            async for name, data in events:
                received.append((name, data))
                if name == "PRESENCE":
                    await local.client.post(
                        f"/channels/{office.id}/messages",
                        {"member": str(mia.id), "content": "between moderators"},
                    )
                    await ada.say("for all")
                if len(received) == count:
                    return received
        raise AssertionError("The stream ended.")

    received = await with_timeout(receive(ada.id, 3))
    assert [name for name, _ in received] == ["READY", "PRESENCE", "MESSAGE_CREATE"]
    ready = json.dumps(received[0][1])
    assert str(before.id) in ready
    assert str(office.id) not in ready
    assert str(homework.id) not in ready  # Ada has not joined that server
    assert received[2][1]["content"] == "for all"
    received = await with_timeout(receive(mia.id, 4))
    assert [data.get("content") for _, data in received[2:]] == ["between moderators", "for all"]


async def test_the_debug_stream_shows_requests_and_state_without_tokens(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await bot.go_online()
    await bot.channel().send("hello")
    async with aclosing(local.client.events("/debug")) as events:
        requests: list[dict[str, object]] = []
        state = {}
        async for name, data in events:
            if name == "STATE":
                state = data
                break
            requests.append(data)
    sent = next(each for each in requests if str(each["name"]).startswith("POST /channels"))
    assert sent["status"] == 200
    assert "hello" in str(sent["sent"])
    assert state["connected"]
    bucket = next(each for each in state["buckets"] if each["name"] == sent["name"])
    assert (bucket["used"], bucket["limit"]) == (1, 5)
    assert local.token not in json.dumps([requests, state])


async def test_every_switch_sends_a_new_state_even_if_nothing_else_changed(
    local: Sandbox,
) -> None:
    """Otherwise the page would keep showing a state that was true for only a moment."""
    switch_counts: list[object] = []

    async def watch() -> None:
        async with aclosing(local.client.events("/debug")) as events:
            async for name, data in events:
                if name == "STATE":
                    switch_counts.append(data["switched"])
                    response_body = await local.client.post("/debug/switch", {"drop": "resume"})
                    if len(switch_counts) == 3:
                        return
                    assert response_body == {"switched": len(switch_counts)}

    await with_timeout(watch())
    assert switch_counts == [0, 1, 2]


@pytest.mark.slow
async def test_an_outage_stops_everything_until_it_ends(
    local: Sandbox, bot: Bot, engine: Bot
) -> None:
    await bot.go_online()
    await local.client.post("/debug/switch", {"down": True})
    with pytest.raises(discord.DiscordServerError):
        await engine.channel().send("lost")
    await with_timeout(local.gateway.wait_connected(connected=False))
    await asyncio.sleep(0.2)
    assert not local.gateway.connected
    await local.client.post("/debug/switch", {"down": False, "slow": True})
    start = asyncio.get_running_loop().time()
    await engine.channel().send("late")
    assert asyncio.get_running_loop().time() - start >= 2
    await local.client.post("/debug/switch", {"slow": False})
    await with_timeout(local.gateway.wait_connected())


async def test_the_gallery_shows_images_that_contain_a_recipe(
    local: Sandbox, engine: Bot, ada: Member
) -> None:
    """Newest first, only from channels that the member can see, and only with a valid recipe."""

    def make_png(**texts: str) -> io.BytesIO:
        info = PngInfo()
        for name, text in texts.items():
            info.add_itxt(name, text)
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
        out.seek(0)
        return out

    for number, recipe in enumerate(['{"seed": 1}', '{"seed": 2}']):
        content = make_png(recipe=recipe, row=str(number))
        file = discord.File(content, f"{number}.png", description="a red circle")
        await engine.channel().send(file=file)
    others = {
        "list.png": make_png(recipe="[]", row="2"),
        "text.png": make_png(recipe="no JSON", row="3"),
        "plain.png": make_png(),
        "broken.png": io.BytesIO(b"\x89PNG broken"),
    }
    await engine.channel().send(files=[discord.File(file, name) for name, file in others.items()])
    shown = await local.client.get("/gallery", member=str(ada.id))
    assert [(each["recipe"], each["row"]) for each in shown] == [({"seed": 2}, 1), ({"seed": 1}, 0)]
    assert shown[0]["description"] == "a red circle"
    local.world.overwrite(local.channel, local.guild.id, deny=int(Permission.VIEW_CHANNEL))
    assert await local.client.get("/gallery", member=str(ada.id)) == []
    with pytest.raises(InteractionError, match="no such member"):
        await local.client.get("/gallery", member="1")
