"""The page's door: who gets in, what they may load, and what the page is told."""

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
from tests.sandbox.conftest import Bot, soon


@pytest.fixture
async def visitor() -> AsyncIterator[aiohttp.ClientSession]:
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
async def test_only_this_machines_own_page_is_answered(
    local: Sandbox, visitor: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    """Neither a name that was bent to this address nor another page's script gets in."""
    for path in ("/", "/page/main.js", "/sandbox", f"/sandbox?token={local.control_token}"):
        async with visitor.get(local.url + path, headers=headers) as response:
            expected = 401 if path == "/sandbox" and status == 200 else status
            assert response.status == expected, path


async def test_the_page_may_load_nothing_from_elsewhere(
    local: Sandbox, visitor: aiohttp.ClientSession
) -> None:
    async with visitor.get(local.url) as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text
    assert local.control_token not in text


async def test_the_page_weighs_less_than_100_kilobytes(
    local: Sandbox, visitor: aiohttp.ClientSession
) -> None:
    """Everything that a browser fetches for it, as it goes over the line."""
    weight = 0
    for path in ["", *(f"page/{file.name}" for file in FOLDER.iterdir())]:
        async with visitor.get(f"{local.url}/{path}", auto_decompress=False) as response:
            weight += len(await response.read())
    assert 0 < weight < 100_000


@pytest.mark.parametrize("name", ["../server.py", "%2e%2e%2fserver.py", "main.py", "none.js"])
async def test_only_files_of_the_page_are_served(
    local: Sandbox, visitor: aiohttp.ClientSession, name: str
) -> None:
    async with visitor.get(f"{local.url}/page/{name}") as response:
        assert response.status == 404


async def test_what_somebody_attached_runs_no_script(
    local: Sandbox, ada: Member, visitor: aiohttp.ClientSession
) -> None:
    number = await local.client.upload("page.html", b"<script>alert(1)</script>")
    attachment = local.world.cdn.find(number)
    assert attachment
    async with visitor.get(local.world.cdn.url(attachment)) as response:
        assert response.status == 200
        assert "sandbox" in response.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Content-Disposition"] == "attachment"


@pytest.mark.parametrize("number", ["%C2%B2", "%D9%A3", "-1", "9" * 5_000, "x"])
async def test_what_is_no_id_is_not_found(
    local: Sandbox, visitor: aiohttp.ClientSession, number: str
) -> None:
    """`str.isdigit` also accepts digits of other scripts, which `int` may not."""
    async with visitor.get(f"{local.url}/cdn/attachments/1/{number}/x") as response:
        assert response.status == 404
    headers = {"Authorization": f"Bot {local.token}"}
    async with visitor.get(f"{local.api_url}/channels/{number}", headers=headers) as response:
        assert response.status == 400
    with pytest.raises(InteractionError, match="no such member"):
        await local.client.get(f"/channels/{local.channel.id}/messages", member=number)


async def test_a_malformed_request_is_refused(local: Sandbox, ada: Member) -> None:
    with pytest.raises(InteractionError, match="Malformed request"):
        await local.client.post("/commands/run", {"member": str(ada.id)})


async def test_a_member_hears_of_what_they_see_and_of_nothing_else(
    local: Sandbox, ada: Member
) -> None:
    """All channels in one stream: first as they stand, then as they change."""
    populate(local)
    office = next(each for each in local.guild.channels.values() if each.name == "moderators")
    homework = next(each for each in local.world.channels.values() if each.name == "homework")
    mia = next(user for user in local.world.users.values() if user.name == "Mia")
    before = await ada.say("before")

    async def hear(member: int, count: int) -> list[tuple[str, dict[str, object]]]:
        heard: list[tuple[str, dict[str, object]]] = []
        async with aclosing(local.client.events("/events", member=str(member))) as events:
            async for name, data in events:
                heard.append((name, data))
                if name == "PRESENCE":
                    await local.client.post(
                        f"/channels/{office.id}/messages",
                        {"member": str(mia.id), "content": "between moderators"},
                    )
                    await ada.say("for all")
                if len(heard) == count:
                    return heard
        raise AssertionError("The stream ended.")

    heard = await soon(hear(ada.id, 3))
    assert [name for name, _ in heard] == ["READY", "PRESENCE", "MESSAGE_CREATE"]
    ready = json.dumps(heard[0][1])
    assert str(before.id) in ready
    assert str(office.id) not in ready
    assert str(homework.id) not in ready  # Ada has not joined that server
    assert heard[2][1]["content"] == "for all"
    heard = await soon(hear(mia.id, 4))
    assert [data.get("content") for _, data in heard[2:]] == ["between moderators", "for all"]


async def test_what_goes_on_behind_is_told_without_secrets(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    await bot.go_online()
    await bot.place().send("hello")
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


async def test_who_watches_is_told_of_every_switch_even_if_all_is_as_it_was(
    local: Sandbox,
) -> None:
    """What was true for a moment only must not stay on the page."""
    switched: list[object] = []

    async def watch() -> None:
        async with aclosing(local.client.events("/debug")) as events:
            async for name, data in events:
                if name == "STATE":
                    switched.append(data["switched"])
                    answer = await local.client.post("/debug/switch", {"drop": "resume"})
                    if len(switched) == 3:
                        return
                    assert answer == {"switched": len(switched)}

    await soon(watch())
    assert switched == [0, 1, 2]


async def test_while_discord_is_down_nothing_works_and_then_everything_again(
    local: Sandbox, bot: Bot, engine: Bot
) -> None:
    await bot.go_online()
    await local.client.post("/debug/switch", {"down": True})
    with pytest.raises(discord.DiscordServerError):
        await engine.place().send("lost")
    await soon(local.gateway.wait_connected(connected=False))
    await asyncio.sleep(0.2)
    assert not local.gateway.connected
    await local.client.post("/debug/switch", {"down": False, "slow": True})
    began = asyncio.get_running_loop().time()
    await engine.place().send("late")
    assert asyncio.get_running_loop().time() - began >= 2
    await local.client.post("/debug/switch", {"slow": False})
    await soon(local.gateway.wait_connected())


async def test_the_gallery_shows_images_with_the_recipe_inside_of_them(
    local: Sandbox, engine: Bot, ada: Member
) -> None:
    """Newest first; only what the member may see, and no file that merely looks like one."""

    def png(**texts: str) -> io.BytesIO:
        info = PngInfo()
        for name, text in texts.items():
            info.add_itxt(name, text)
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
        out.seek(0)
        return out

    for number, recipe in enumerate(['{"seed": 1}', '{"seed": 2}']):
        content = png(recipe=recipe, row=str(number))
        file = discord.File(content, f"{number}.png", description="a red circle")
        await engine.place().send(file=file)
    others = {
        "list.png": png(recipe="[]", row="2"),
        "text.png": png(recipe="no JSON", row="3"),
        "plain.png": png(),
        "broken.png": io.BytesIO(b"\x89PNG broken"),
    }
    await engine.place().send(files=[discord.File(file, name) for name, file in others.items()])
    shown = await local.client.get("/gallery", member=str(ada.id))
    assert [(each["recipe"], each["row"]) for each in shown] == [({"seed": 2}, 1), ({"seed": 1}, 0)]
    assert shown[0]["description"] == "a red circle"
    local.world.overwrite(local.channel, local.guild.id, deny=int(Permission.VIEW_CHANNEL))
    assert await local.client.get("/gallery", member=str(ada.id)) == []
    with pytest.raises(InteractionError, match="no such member"):
        await local.client.get("/gallery", member="1")
