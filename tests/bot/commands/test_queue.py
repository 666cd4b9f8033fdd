"""/queue, as different members see it."""

from bot.client import ImagineBot
from bot.commands.queue import SHOWN
from jobs.recipe import Recipe
from jobs.store import Store
from sandbox import Member, Sandbox
from tests.bot.conftest import told


async def queued(
    store: Store,
    include: str,
    member: Member,
    *,
    guild_id: int | None,
    channel_id: int | None = None,
) -> int:
    job = await store.add(
        Recipe.make(include, width=64, height=64, steps=50),
        guild_id=guild_id,
        channel_id=channel_id or member.channel_id,
        message_id=None,
        member_id=member.id,
        member_name=member.name,
    )
    return job.id


async def test_an_empty_queue(bot: ImagineBot, ada: Member) -> None:
    await ada.slash("queue")
    await told(ada, "Nothing waits")


async def test_what_runs_and_what_waits_with_ones_own_marked(
    bot: ImagineBot, sandbox: Sandbox, store: Store, ada: Member, bob: Member
) -> None:
    here = sandbox.guild.id
    await queued(store, "a running dog", bob, guild_id=here)
    await store.claim("engine", 60)
    await store.heartbeat("engine", 60, {1: 20})
    await queued(store, "mine *here*", ada, guild_id=here)
    await queued(store, "hidden in a channel", bob, guild_id=here, channel_id=5)
    await queued(store, "hidden in a server", bob, guild_id=here + 1)
    await ada.slash("queue")
    text = (await told(ada, "Waiting")).text
    assert "20/50 · #1 · Bob · a running dog" in text
    assert r"#2 · **yours** · mine \*here\*" in text
    assert "#3 · Bob · in another channel" in text
    assert "in another server" in text
    assert "hidden" not in text


async def test_ones_own_place_far_down_is_told(
    bot: ImagineBot, sandbox: Sandbox, store: Store, ada: Member, bob: Member
) -> None:
    here = sandbox.guild.id
    for number in range(SHOWN + 5):
        await store.add(
            Recipe.make(f"picture {number}", width=64, height=64, steps=50),
            guild_id=here,
            channel_id=ada.channel_id,
            message_id=None,
            member_id=1000 + number,
            member_name="x" * 100,
        )
    await queued(store, "mine at last", ada, guild_id=here)
    await ada.slash("queue")
    text = (await told(ada, "Waiting")).text
    assert f"**Waiting** ({SHOWN + 6})" in text
    assert f"{SHOWN + 6}. #{SHOWN + 6} · **yours** · mine at last" in text
    assert "… and 5 more." in text
