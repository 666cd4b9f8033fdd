"""Messages over REST: creating, editing, files, mentions, and what is refused."""

import asyncio
import io
from typing import Any

import aiohttp
import discord
import pytest

from sandbox import Member, Sandbox
from sandbox.client.views import ChannelRef
from sandbox.discord.client_errors import InteractionError
from sandbox.discord.permissions import Permission
from tests.sandbox.conftest import Bot, with_timeout


def file(name: str, content: bytes = b"x") -> discord.File:
    return discord.File(io.BytesIO(content), name)


async def expect_error(request: Any, status: int, code: int) -> discord.HTTPException:
    """Await a request that must fail with this status and code. Returns the error."""
    with pytest.raises(discord.HTTPException) as error:
        await request
    assert (error.value.status, error.value.code) == (status, code)
    return error.value


async def test_the_same_nonce_gives_the_same_message(local: Sandbox, engine: Bot) -> None:
    first = await engine.channel().send("done", nonce="job-1-final")
    again = await engine.channel().send("done", nonce="job-1-final")
    other = await engine.channel().send("done", nonce="job-2-final")
    assert first.id == again.id != other.id
    assert len(local.channel.messages) == 2
    local.clock.advance(10 * 60)
    assert (await engine.channel().send("done", nonce="job-1-final")).id != first.id


async def test_a_nonce_is_enforced_only_if_requested(local: Sandbox, engine: Bot) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {local.token}"}) as session:
        for _ in range(2):
            url = f"{local.api_url}/channels/{local.channel.id}/messages"
            async with session.post(url, json={"content": "a", "nonce": "1"}) as response:
                assert (await response.json())["nonce"] == "1"
    assert len(local.channel.messages) == 2


async def test_edits_keep_the_attachments_they_list_and_add_new_ones(engine: Bot) -> None:
    message = await engine.channel().send(files=[file("one.txt"), file("two.txt")])
    kept, _ = message.attachments
    edited = await message.edit(attachments=[kept, file("three.txt")])
    assert [each.filename for each in edited.attachments] == ["one.txt", "three.txt"]
    assert edited.attachments[0].id == kept.id
    untouched = await message.edit(content="words")
    assert [each.filename for each in untouched.attachments] == ["one.txt", "three.txt"]
    assert (await message.edit(attachments=[])).attachments == []


async def test_an_image_in_an_embed_is_not_listed_as_an_attachment(engine: Bot, png: bytes) -> None:
    embed = discord.Embed(title="A card").set_image(url="attachment://a.png")
    message = await engine.channel().send(embed=embed, file=file("a.png", png))
    assert message.attachments == []
    assert message.embeds[0].image.url is not None
    assert (message.embeds[0].image.width, message.embeds[0].image.height) == (64, 32)
    # An embed that refers to a missing file shows no image.
    gone = await message.edit(embed=discord.Embed(title="B").set_image(url="attachment://b.png"))
    assert gone.embeds[0].image.url is None


async def test_file_urls_are_signed_and_expire(local: Sandbox, engine: Bot, png: bytes) -> None:
    message = await engine.channel().send(file=file("a.png", png))
    url = message.attachments[0].url
    assert await local.client.download(url) == png
    with pytest.raises(aiohttp.ClientResponseError):
        await local.client.download(url.replace("&hm=", "&hm=0"))
    local.clock.advance(25 * 60 * 60)
    with pytest.raises(aiohttp.ClientResponseError):
        await local.client.download(url)
    fresh = await engine.channel().fetch_message(message.id)
    assert await local.client.download(fresh.attachments[0].url) == png


async def test_files_and_requests_have_size_limits(local: Sandbox, engine: Bot) -> None:
    mebi = 1024 * 1024
    await expect_error(engine.channel().send(file=file("a", bytes(10 * mebi + 1))), 413, 40005)
    three = [file(f"{i}", bytes(9 * mebi)) for i in range(3)]
    await expect_error(engine.channel().send(files=three), 413, 40005)
    assert local.channel.messages == {}
    message = await engine.channel().send(file=file("a", bytes(10 * mebi)))
    assert message.attachments[0].size == 10 * mebi


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"content": "x" * 2001}, "content"),
        ({"content": "x", "nonce": "n" * 26}, "nonce"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description"),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "a", "value": "b"}] * 26}]}, "embeds.0.fields"),
        (
            {"embeds": [{"fields": [{"name": "a", "value": "b" * 1025}]}]},
            "embeds.0.fields.0.value",
        ),
        ({"embeds": [{"fields": [{"name": "", "value": "b"}]}]}, "embeds.0.fields.0.name"),
        ({"embeds": [{"image": {"url": "nowhere"}}]}, "embeds.0.image.url"),
        ({"components": [{"type": 1, "components": []}]}, "components.0.components"),
        ({"components": [{"type": 2, "style": 1, "custom_id": "a"}]}, "components.0.type"),
        (
            {
                "components": [
                    {
                        "type": 1,
                        "components": [
                            {"type": 2, "style": 1, "label": "a", "custom_id": "x" * 101}
                        ],
                    }
                ]
            },
            "components.0.components.0.custom_id",
        ),
        (
            {
                "components": [
                    {
                        "type": 1,
                        "components": [{"type": 2, "style": 1, "label": "a", "custom_id": "x"}] * 2,
                    }
                ]
            },
            "components.0.components.1.custom_id",
        ),
        (
            {
                "flags": 1 << 15,
                "content": "x",
                "components": [{"type": 10, "content": "text"}],
            },
            "content",
        ),
    ],
)
async def test_an_invalid_message_is_refused_with_the_path_of_the_error(
    local: Sandbox, wrong: dict[str, Any], path: str
) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {local.token}"}) as session:
        url = f"{local.api_url}/channels/{local.channel.id}/messages"
        async with session.post(url, json=wrong) as response:
            body = await response.json()
    assert (response.status, body["code"]) == (400, 50035)
    node = body["errors"]
    for key in path.split("."):
        node = node[key]
    assert node["_errors"]
    assert local.channel.messages == {}


async def test_a_message_has_at_most_five_rows(engine: Bot) -> None:
    view = discord.ui.View()
    for row in range(5):
        view.add_item(discord.ui.Button(label="a", custom_id=str(row), row=row))
    message = await engine.channel().send("rows", view=view)
    assert len(message.components) == 5
    rows = [item.to_dict() for item in message.components]
    extra = {"type": 1, "components": [{"type": 2, "style": 1, "label": "b", "custom_id": "b"}]}
    request = discord.http.Route(
        "PATCH", "/channels/{c}/messages/{m}", c=message.channel.id, m=message.id
    )
    error = await expect_error(
        engine.http.request(request, json={"components": [*rows, extra]}), 400, 50035
    )
    assert "In components:" in error.text


async def test_an_empty_message_is_refused(engine: Bot) -> None:
    await expect_error(engine.channel().send(""), 400, 50006)
    message = await engine.channel().send("words")
    await expect_error(message.edit(content=None), 400, 50006)


async def test_others_messages_cannot_be_edited_or_removed(engine: Bot, ada: Member) -> None:
    theirs = engine.channel().get_partial_message((await ada.say("mine")).id)
    await expect_error(theirs.edit(content="yours"), 403, 50005)
    await expect_error(theirs.delete(), 403, 50013)


async def test_deleted_messages_and_channels_are_unknown(local: Sandbox, engine: Bot) -> None:
    message = await engine.channel().send("short-lived")
    await message.delete()
    await expect_error(message.edit(content="?"), 404, 10008)
    await expect_error(engine.get_partial_messageable(1).send("?"), 404, 10003)
    local.world.delete_channel(local.channel)
    await expect_error(engine.channel().send("?"), 404, 10003)


@pytest.mark.parametrize(
    ("denied", "code"),
    [
        (Permission.VIEW_CHANNEL, 50001),
        (Permission.SEND_MESSAGES, 50013),
        (Permission.ATTACH_FILES, 50013),
    ],
)
async def test_missing_permissions_are_refused(
    local: Sandbox, engine: Bot, denied: Permission, code: int
) -> None:
    bot_id = local.world.application.bot.id
    local.world.overwrite(local.channel, bot_id, deny=denied)
    await expect_error(engine.channel().send(file=file("a.txt")), 403, code)
    local.world.overwrite(local.channel, bot_id)
    await engine.channel().send(file=file("a.txt"))


@pytest.mark.slow
async def test_a_reply_needs_the_history_and_its_message_unless_that_is_optional(
    local: Sandbox, engine: Bot
) -> None:
    answered = await engine.channel().send("a question")
    bot_id = local.world.application.bot.id
    local.world.overwrite(local.channel, bot_id, deny=Permission.READ_MESSAGE_HISTORY)
    await expect_error(engine.channel().send("a reply", reference=answered), 403, 160002)
    local.world.overwrite(local.channel, bot_id)
    assert (await engine.channel().send("a reply", reference=answered)).reference
    await answered.delete()
    await expect_error(engine.channel().send("a reply", reference=answered), 400, 50035)
    optional = discord.MessageReference.from_message(answered, fail_if_not_exists=False)
    assert not (await engine.channel().send("a reply", reference=optional)).reference


async def test_interactions_carry_the_permissions_of_the_bot(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    seen: asyncio.Queue[discord.Permissions] = asyncio.Queue()

    @bot.tree.command(description="Look.")
    async def look(interaction: discord.Interaction) -> None:
        seen.put_nowait(interaction.app_permissions)
        await interaction.response.send_message("seen")

    await bot.go_online()
    local.world.overwrite(
        local.channel, local.world.application.bot.id, deny=Permission.ATTACH_FILES
    )
    await ada.slash("look")  # an answer to an interaction needs no permission
    may = await with_timeout(seen.get())
    assert may.send_messages
    assert not may.attach_files


async def test_a_removed_bot_has_no_access(local: Sandbox, engine: Bot) -> None:
    local.world.remove_bot(local.guild)
    await expect_error(engine.channel().send("?"), 403, 50001)
    await expect_error(engine.fetch_guild(local.guild.id), 404, 10004)


async def test_edits_of_old_messages_have_a_strict_rate_limit(local: Sandbox, engine: Bot) -> None:
    message = await engine.channel().send("young")
    local.clock.advance(59 * 60)
    for _ in range(4):
        await message.edit(content="still young")
    local.clock.advance(2 * 60)
    for _ in range(3):
        await message.edit(content="old")
    with pytest.raises(discord.RateLimited) as limited:
        await message.edit(content="once more")
    assert limited.value.retry_after > 60
    assert local.requests[-1].response["code"] == 30046
    await engine.channel().send("a new one")


async def test_only_allowed_mentions_take_effect(local: Sandbox, engine: Bot, ada: Member) -> None:
    words = f"@everyone <@{ada.id}>"
    quiet = await engine.channel().send(words)  # this client allows none
    assert quiet.mentions == []
    everyone = discord.AllowedMentions.all()
    loud = await engine.channel().send(words, allowed_mentions=everyone)
    assert [user.id for user in loud.mentions] == [ada.id]
    assert not loud.mention_everyone  # which needs a permission
    role = next(iter(set(local.guild.roles) - {local.guild.id}))
    local.guild.roles[role].permissions |= Permission.MENTION_EVERYONE
    assert (await engine.channel().send(words, allowed_mentions=everyone)).mention_everyone


async def test_direct_messages_to_a_user_share_one_channel(
    local: Sandbox, engine: Bot, ada: Member
) -> None:
    user = await engine.fetch_user(ada.id)
    sent = await user.send("your picture")
    again = await user.send("another")
    assert sent.channel.id == again.channel.id != local.channel.id
    ada.channel_id = sent.channel.id
    assert [message.content for message in await ada.messages()] == ["your picture", "another"]


async def test_history_is_read_in_pages(engine: Bot) -> None:
    sent = [(await engine.channel().send(str(number))).id for number in range(4)]
    newest = [message.id async for message in engine.channel().history(limit=2)]
    assert newest == sent[:1:-1]
    after = discord.Object(sent[1])
    assert [m.id async for m in engine.channel().history(after=after)] == sent[2:]


async def test_reactions_are_counted_and_refused_as_on_discord(
    local: Sandbox, engine: Bot, ada: Member
) -> None:
    message = await engine.channel().send("look")
    await message.add_reaction("⭐")
    shown = next(each for each in await ada.messages() if each.id == message.id)
    await ada.react(shown, "⭐")
    (reaction,) = (await engine.channel().fetch_message(message.id)).reactions
    assert (str(reaction.emoji), reaction.count, reaction.me) == ("⭐", 2, True)
    assert {user.id async for user in reaction.users()} == {local.world.application.bot.id, ada.id}
    await message.remove_reaction("⭐", engine.user or discord.Object(0))
    (reaction,) = (await engine.channel().fetch_message(message.id)).reactions
    assert (reaction.count, reaction.me) == (1, False)
    await expect_error(message.add_reaction("star"), 400, 10014)

    everyone = await local.client.everyone()
    await local.client.set_overwrite(
        ChannelRef(local.channel.id, ""), everyone, deny=Permission.ADD_REACTIONS
    )
    await ada.unreact(shown, "⭐")
    with pytest.raises(InteractionError, match="Missing Permissions"):
        await ada.react(shown, "⭐")
