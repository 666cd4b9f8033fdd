"""Slash commands, buttons and modals: what members do, and how the bot may respond."""

import asyncio
import io
from pathlib import Path

import discord
import pytest
from discord import app_commands

from sandbox import InteractionError, Member, NoResponseError, OptionError, Sandbox
from sandbox.discord.permissions import Permission
from tests.sandbox.conftest import Bot, with_timeout


def add_deferring_command(bot: Bot) -> "asyncio.Queue[discord.Interaction]":
    """Add an `/imagine` that only defers. Returns a queue of its interactions."""
    deferred: asyncio.Queue[discord.Interaction] = asyncio.Queue()

    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction, include: str) -> None:
        await interaction.response.defer(thinking=True)
        deferred.put_nowait(interaction)

    return deferred


async def test_a_command_is_answered(bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Say hello.")
    async def hello(interaction: discord.Interaction, name: str) -> None:
        assert interaction.app_permissions.view_channel
        assert interaction.filesize_limit == 10 * 1024 * 1024
        await interaction.response.send_message(f"Hello {name}, says {interaction.user.name}")

    await bot.go_online()
    reply = await ada.slash("hello", name="world")
    assert reply.kind == "message"
    assert reply.message is not None
    assert reply.message.content == "Hello world, says ada"
    assert [message.content for message in await ada.messages()] == [reply.message.content]


async def test_a_deferred_response_becomes_a_job_message_with_an_image(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member, png: bytes
) -> None:
    """The bot defers the response and edits it, then the engine edits it over REST."""

    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction, include: str) -> None:
        callback = await interaction.response.defer(thinking=True)
        assert callback is not None
        assert callback.is_thinking()
        embed = discord.Embed(title=include, description="Waiting")
        await interaction.edit_original_response(embed=embed)
        edited_ids.put_nowait(callback.message_id)

    edited_ids: asyncio.Queue[int | None] = asyncio.Queue()
    await bot.go_online()
    reply = await ada.slash("imagine", include="a red circle")
    assert reply.kind == "deferred"
    assert reply.message is not None
    message_id = await with_timeout(edited_ids.get())
    assert message_id == reply.message.id

    job_message = await ada.wait_filled(reply)
    assert "Waiting" in job_message.text
    embed = discord.Embed(title="a red circle").set_image(url="attachment://final.png")
    await (
        engine.channel()
        .get_partial_message(reply.message.id)
        .edit(embed=embed, attachments=[discord.File(io.BytesIO(png), "final.png")])
    )
    done = await ada.wait_for(lambda message: bool(message.files))
    assert done.id == reply.message.id
    assert done.edited
    assert await ada.download(done.files[0]) == png
    assert (done.files[0].width, done.files[0].height) == (64, 32)


async def test_a_button_press_can_get_an_ephemeral_response(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    class Cancel(discord.ui.View):
        @discord.ui.button(label="Cancel", custom_id="imagine:cancel:1")
        async def cancel(
            self, interaction: discord.Interaction, button: discord.ui.Button[discord.ui.View]
        ) -> None:
            await interaction.response.send_message("Only yours to press.", ephemeral=True)

    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("A card", view=Cancel(timeout=None))

    await bot.go_online()
    grace = await local.member("Grace")
    message = (await ada.slash("imagine")).message
    assert message is not None
    assert [button.label for button in message.buttons] == ["Cancel"]
    reply = await grace.press(message, "imagine:cancel:1")
    assert reply.message is not None
    assert reply.message.ephemeral
    assert [message.content for message in await ada.messages()] == ["A card"]
    assert [m.content for m in await grace.messages()] == ["A card", "Only yours to press."]
    with pytest.raises(discord.NotFound) as refused:
        await bot.channel().fetch_message(reply.message.id)
    assert refused.value.code == 10008


async def test_disabled_link_and_unknown_buttons_cannot_be_pressed(bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Off", custom_id="off", disabled=True))
        view.add_item(discord.ui.Button(label="Site", url="https://example.org"))
        await interaction.response.send_message("A card", view=view)

    await bot.go_online()
    message = (await ada.slash("imagine")).message
    assert message is not None
    for custom_id in ("off", "elsewhere", ""):
        with pytest.raises(InteractionError):
            await ada.press(message, custom_id)


async def test_a_button_press_can_edit_its_message(bot: Bot, ada: Member) -> None:
    class Counter(discord.ui.View):
        @discord.ui.button(label="More", custom_id="more")
        async def more(
            self, interaction: discord.Interaction, button: discord.ui.Button[discord.ui.View]
        ) -> None:
            await interaction.response.edit_message(content="two", view=None)

    @bot.tree.command(description="Count.")
    async def count(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one", view=Counter())

    await bot.go_online()
    message = (await ada.slash("count")).message
    assert message is not None
    reply = await ada.press(message, "more")
    assert reply.kind == "update"
    assert reply.message is not None
    assert (reply.message.id, reply.message.content) == (message.id, "two")
    assert reply.message.buttons == []


async def test_a_response_in_a_deleted_channel_fails(local: Sandbox, bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        local.world.delete_channel(local.channel)
        await interaction.edit_original_response(content="for nobody")

    await bot.go_online()
    await ada.slash("imagine")
    error = await with_timeout(bot.errors.get())
    assert isinstance(error, discord.NotFound)
    assert error.code == 10003


async def test_a_response_after_three_seconds_is_too_late(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction) -> None:
        local.clock.advance(3.1)
        await interaction.response.send_message("At last")

    await bot.go_online()
    with pytest.raises(NoResponseError, match="The application did not respond"):
        await ada.slash("imagine")
    error = await with_timeout(bot.errors.get())
    assert isinstance(error, discord.NotFound)
    assert error.code == 10062
    assert await ada.messages() == []


async def test_a_command_fails_while_the_bot_is_offline(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    add_deferring_command(bot)
    await bot.go_online()
    await bot.go_offline()
    await with_timeout(local.gateway.wait_connected(connected=False))
    created = asyncio.Event()
    local.world.listen(lambda event: created.set())
    request = asyncio.create_task(ada.slash("imagine", include="a circle"))
    await with_timeout(created.wait())
    local.clock.advance(3)
    with pytest.raises(NoResponseError):
        await request


async def test_an_interaction_accepts_only_one_response(bot: Bot, ada: Member) -> None:
    deferred = add_deferring_command(bot)
    await bot.go_online()
    await ada.slash("imagine", include="a circle")
    interaction = await with_timeout(deferred.get())
    interaction.response._response_type = None  # or discord.py itself would raise
    with pytest.raises(discord.HTTPException) as refused:
        await interaction.response.send_message("Again")
    assert refused.value.code == 40060


async def test_an_interaction_token_expires_after_fifteen_minutes(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member
) -> None:
    deferred = add_deferring_command(bot)
    await bot.go_online()
    reply = await ada.slash("imagine", include="a circle")
    interaction = await with_timeout(deferred.get())
    local.clock.advance(14 * 60)
    await interaction.edit_original_response(content="still there")
    local.clock.advance(2 * 60)
    with pytest.raises(discord.HTTPException) as refused:
        await interaction.edit_original_response(content="too late")
    assert (refused.value.status, refused.value.code) == (401, 50027)
    assert reply.message is not None
    await engine.channel().get_partial_message(reply.message.id).edit(content="by its id")
    assert (await ada.messages())[0].content == "by its id"


async def test_the_first_followup_replaces_a_deferred_response(bot: Bot, ada: Member) -> None:
    deferred = add_deferring_command(bot)
    await bot.go_online()
    reply = await ada.slash("imagine", include="a circle")
    interaction = await with_timeout(deferred.get())
    # Discord ignores `ephemeral` here: the deferred message is already public.
    await interaction.followup.send("refused", ephemeral=True)
    await interaction.followup.send("more", ephemeral=True)
    first, second = await ada.messages()
    assert reply.message is not None
    assert first.id == reply.message.id
    assert not first.ephemeral
    assert second.ephemeral


async def test_an_ephemeral_followup_can_replace_a_public_deferral(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    deferred = add_deferring_command(bot)
    await bot.go_online()
    await ada.slash("imagine", include="a circle")
    interaction = await with_timeout(deferred.get())
    await interaction.delete_original_response()
    await interaction.followup.send("No room for that size.", ephemeral=True)
    (seen,) = await ada.messages()
    assert seen.ephemeral
    assert await (await local.member("Grace")).messages() == []
    with pytest.raises(discord.NotFound) as refused:
        await interaction.edit_original_response(content="gone")
    assert refused.value.code == 10008


async def test_options_are_checked_before_anything_is_sent(bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Paint a picture.")
    @app_commands.choices(
        size=[
            app_commands.Choice(name="small", value="64x64"),
            app_commands.Choice(name="large", value="256x256"),
        ]
    )
    async def imagine(
        interaction: discord.Interaction,
        include: app_commands.Range[str, 1, 20],
        size: str = "64x64",
        steps: app_commands.Range[int, 10, 500] = 150,
        strength: app_commands.Range[float, 0.0, 1.0] = 0.5,
    ) -> None:
        await interaction.response.send_message(f"{include} {size} {steps} {strength}")

    await bot.go_online()
    for option, wrong in (
        ("include", {}),
        ("include", {"include": ""}),
        ("include", {"include": "x" * 21}),
        ("size", {"include": "a", "size": "huge"}),
        ("steps", {"include": "a", "steps": 9}),
        ("steps", {"include": "a", "steps": 10.5}),
        ("steps", {"include": "a", "steps": "many"}),
        ("strength", {"include": "a", "strength": 1.5}),
        ("colour", {"include": "a", "colour": "red"}),
    ):
        with pytest.raises(OptionError) as refused:
            await ada.slash("imagine", **wrong)
        assert refused.value.option == option
    with pytest.raises(OptionError):
        await ada.slash("paint")
    reply = await ada.slash("imagine", include="a", size="256x256", steps=10, strength=1)
    assert reply.message is not None
    assert reply.message.content == "a 256x256 10 1.0"


async def test_an_attachment_reaches_the_bot(
    bot: Bot, ada: Member, png: bytes, tmp_path: Path
) -> None:
    @bot.tree.command(description="Look at a picture.")
    async def look(interaction: discord.Interaction, image: discord.Attachment) -> None:
        same = await image.read() == png
        size = f"{image.width}x{image.height}"
        await interaction.response.send_message(f"{image.content_type} {size} {same}")

    path = tmp_path / "red.png"
    path.write_bytes(png)
    await bot.go_online()
    reply = await ada.slash("look", image=path)
    assert reply.message is not None
    assert reply.message.content == "image/png 64x32 True"


async def test_subcommands_need_the_permissions_of_their_group(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    group = app_commands.Group(
        name="mod",
        description="For moderators.",
        default_permissions=discord.Permissions(manage_messages=True),
    )

    @group.command(description="Pause the queue.")
    async def pause(interaction: discord.Interaction, reason: str) -> None:
        await interaction.response.send_message(f"paused: {reason}")

    bot.tree.add_command(group)
    await bot.go_online()
    with pytest.raises(OptionError, match="permission"):
        await ada.slash("mod pause", reason="lunch")
    moderator = await local.member("Grace", permissions=Permission.MANAGE_MESSAGES)
    reply = await moderator.slash("mod pause", reason="lunch")
    assert reply.message is not None
    assert reply.message.content == "paused: lunch"
    with pytest.raises(OptionError):
        await moderator.slash("mod", reason="lunch")


async def test_autocomplete_returns_the_choices_of_the_bot(bot: Bot, ada: Member) -> None:
    @bot.tree.command(description="Paint a picture.")
    async def imagine(interaction: discord.Interaction, preset: str) -> None:
        await interaction.response.send_message(preset)

    @imagine.autocomplete("preset")
    async def presets(
        interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{current}ink", value="ink")]

    await bot.go_online()
    choices = await ada.complete("imagine", "preset", preset="p")
    assert choices == [{"name": "pink", "value": "ink"}]


async def test_a_modal_can_be_opened_and_submitted(bot: Bot, ada: Member) -> None:
    class Edit(discord.ui.Modal, title="Edit the recipe"):
        include: discord.ui.TextInput["Edit"] = discord.ui.TextInput(
            label="Include", custom_id="include", max_length=20, default="a circle"
        )

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_message(f"Painting {self.include.value}")

    @bot.tree.command(description="Edit the recipe.")
    async def edit(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Edit())

    await bot.go_online()
    opened = await ada.slash("edit")
    assert opened.kind == "modal"
    with pytest.raises(InteractionError):
        await ada.submit(opened, include="x" * 21)
    reply = await ada.submit(opened, include="a square")
    assert reply.message is not None
    assert reply.message.content == "Painting a square"


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ({"name": "Upper", "description": "x"}, "0.name"),
        ({"name": "two words", "description": "x"}, "0.name"),
        ({"name": "a", "description": "x" * 101}, "0.description"),
        ({"name": "a", "description": ""}, "0.description"),
        (
            {
                "name": "a",
                "description": "x",
                "options": [
                    {"type": 3, "name": "first", "description": "x"},
                    {"type": 3, "name": "second", "description": "x", "required": True},
                ],
            },
            "0.options.1",
        ),
        (
            {
                "name": "a",
                "description": "x",
                "options": [
                    {
                        "type": 3,
                        "name": "size",
                        "description": "x",
                        "choices": [{"name": f"{i}", "value": f"{i}"} for i in range(26)],
                    }
                ],
            },
            "0.options.0.choices",
        ),
        (
            {
                "name": "a",
                "description": "x",
                "options": [{"type": 3, "name": "n", "description": "x", "max_value": 3}],
            },
            "0.options.0",
        ),
    ],
)
async def test_invalid_commands_are_refused_with_the_path_of_the_error(
    local: Sandbox, engine: Bot, command: dict[str, object], path: str
) -> None:
    with pytest.raises(discord.HTTPException) as refused:
        await engine.http.bulk_upsert_guild_commands(
            local.world.application.id, local.guild.id, payload=[command]
        )
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert f"In {path}:" in refused.value.text
    assert local.commands.listed(local.guild.id) == []


async def test_commands_keep_their_ids_and_new_ones_count_towards_the_daily_limit(
    local: Sandbox, engine: Bot
) -> None:
    async def register(*names: str) -> list[str]:
        payload = [{"name": name, "description": "x"} for name in names]
        found = await engine.http.bulk_upsert_guild_commands(
            local.world.application.id, local.guild.id, payload=payload
        )
        return [command["id"] for command in found]

    first = await register("imagine")
    again = await register("imagine", "queue")
    assert again[0] == first[0]
    await register(*(f"c{i}" for i in range(99)))
    with pytest.raises(discord.HTTPException) as refused:
        await register(*(f"d{i}" for i in range(100)))
    assert refused.value.code == 30034
    local.clock.advance(24 * 60 * 60)
    assert len(await register(*(f"d{i}" for i in range(100)))) == 100


async def test_a_message_menu_passes_the_message_with_its_image(
    local: Sandbox, bot: Bot, engine: Bot, ada: Member, png: bytes, tmp_path: Path
) -> None:
    @bot.tree.context_menu(name="Imagine from this picture")
    async def imagine_from(interaction: discord.Interaction, message: discord.Message) -> None:
        same = await message.attachments[0].read() == png
        await interaction.response.send_message(f"{message.author.name}: {message.content} {same}")

    (tmp_path / "red.png").write_bytes(png)
    await bot.go_online()
    posted = await ada.say("my cat", tmp_path / "red.png")
    reply = await (await local.member("Grace")).use_menu("Imagine from this picture", posted)
    assert reply.message is not None
    assert reply.message.content == "ada: my cat True"  # even without the content intent
    assert reply.message.raw["type"] == 23
    assert reply.message.raw["interaction_metadata"]["target_message_id"] == str(posted.id)
    with pytest.raises(OptionError, match="no entry"):
        await ada.use_menu("Paint over it", posted)
    await engine.channel().get_partial_message(reply.message.id).delete()
    with pytest.raises(InteractionError, match="gone"):
        await ada.use_menu("Imagine from this picture", reply.message)


async def test_a_member_menu_passes_the_member(local: Sandbox, bot: Bot, ada: Member) -> None:
    @bot.tree.context_menu(name="Pictures")
    async def pictures(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"of {member.display_name}", ephemeral=True)

    @bot.tree.context_menu(name="Report")
    async def report(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("reported", ephemeral=True)

    await bot.go_online()
    reply = await ada.use_menu("Pictures", await local.member("Grace"))
    assert reply.message is not None
    assert reply.message.content == "of Grace"
    with pytest.raises(InteractionError, match="one member only"):
        await ada.use_menu("Report", reply.message)


async def test_autocomplete_choices_must_fit_the_option(bot: Bot, ada: Member) -> None:
    offered: list[app_commands.Choice[int]] = []
    refused: list[int] = []

    @bot.tree.command(description="Cancel a job.")
    async def cancel(interaction: discord.Interaction, job: int, reason: str = "") -> None:
        await interaction.response.send_message(f"{job}")

    @cancel.autocomplete("job")
    async def jobs(
        interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[int]]:
        assert interaction.namespace.reason == "late"
        try:
            await interaction.response.autocomplete(offered)
        except discord.HTTPException as error:
            refused.append(error.code)
        return []

    await bot.go_online()
    offered.append(app_commands.Choice(name="7: a red circle", value=7))
    assert await ada.complete("cancel", "job", reason="late") == [
        {"name": "7: a red circle", "value": 7}
    ]
    for name, value in (("x" * 101, 7), ("seven", "7"), ("", 7)):
        offered[:] = [app_commands.Choice(name=name, value=value)]  # type: ignore[arg-type]
        assert await ada.complete("cancel", "job", reason="late") == []
    assert refused == [50035] * 3
    for focused, typed in (("colour", {}), ("reason", {}), ("job", {"colour": "red"})):
        with pytest.raises(OptionError):
            await ada.complete("cancel", focused, **typed)


async def test_followups_can_have_files_and_be_edited_and_deleted(
    bot: Bot, ada: Member, png: bytes
) -> None:
    deferred = add_deferring_command(bot)
    await bot.go_online()
    await ada.slash("imagine", include="a circle")
    interaction = await with_timeout(deferred.get())
    await interaction.edit_original_response(content="a card")
    file = discord.File(io.BytesIO(png), "red.png")
    details = await interaction.followup.send("details", file=file, ephemeral=True, wait=True)
    _, seen = await ada.messages()
    assert seen.ephemeral
    assert await ada.download(seen.files[0]) == png
    edited = await details.edit(content="no picture", attachments=[])
    assert edited.attachments == []
    await details.delete()
    assert [message.content for message in await ada.messages()] == ["a card"]
    with pytest.raises(discord.NotFound) as refused:
        await details.edit(content="still there?")
    assert refused.value.code == 10008


async def test_a_user_installed_bot_can_only_use_its_interaction_token(
    local: Sandbox, bot: Bot, ada: Member
) -> None:
    """A member has added the bot to their account and uses it in a guild that it has not joined."""
    elsewhere = local.world.add_guild("Elsewhere", local.world.add_user("Owner"))
    local.world.remove_bot(elsewhere)
    channel = local.world.add_channel(elsewhere, "chat")
    local.world.join(elsewhere, local.world.users[ada.id])
    received: list[discord.Interaction] = []

    @bot.tree.command()
    @app_commands.allowed_installs(guilds=True, users=True)
    async def greet(interaction: discord.Interaction) -> None:
        """Greet."""
        received.append(interaction)
        await interaction.response.send_message("hello", ephemeral=True)

    @bot.tree.command()
    async def moderate(interaction: discord.Interaction) -> None:
        """Not for users' own installations."""

    await bot.go_online()
    await bot.tree.sync()
    member_elsewhere = ada.at(channel.id)
    assert await member_elsewhere.commands() == []
    await ada.install()
    assert [command["name"] for command in await member_elsewhere.commands()] == ["greet"]
    await member_elsewhere.slash("greet")
    await member_elsewhere.wait_for(lambda message: message.content == "hello")
    (interaction,) = received
    assert interaction.is_user_integration()
    assert not interaction.is_guild_integration()
    await interaction.edit_original_response(content="again")
    with pytest.raises(discord.Forbidden) as error:
        await bot.get_partial_messageable(channel.id).send("here, too")
    assert error.value.code == 50001
