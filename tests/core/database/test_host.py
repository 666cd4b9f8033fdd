"""The host can pause all servers, and a notice records which servers it has reached."""

from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.guild_settings import GuildSettings
from core.database.host import NOTICE_SECONDS, Host
from core.database.moderation_queue import ModerationQueue
from core.database.queue import JobQueue
from core.job import State
from tests.core.conftest import Clock
from tests.core.database.moderated import (
    GUILD,
    LEASE,
    MODERATOR,
    OTHER_GUILD,
    claim_all,
    insert_job,
)

HOST = 99


async def test_the_hosts_pause_holds_all_servers_and_direct_messages(
    database: Database,
) -> None:
    claims, queue = Claims(database), JobQueue(database)
    done = await insert_job(database)
    await claim_all(database)
    assert await claims.finish(done.id, "engine", State.DONE)  # so that waits can be estimated
    running, waiting = (
        await insert_job(database),
        await insert_job(database, member=2, guild=OTHER_GUILD),
    )
    assert await claims.claim("engine", LEASE)
    await Host(database).pause(HOST, "new disks")
    assert await claims.held("engine") == {}
    assert await claims.claim("engine", LEASE) is None
    assert await queue.unpaused_count() == 0
    assert await queue.wait_seconds(waiting.id) is None
    for guild in (GUILD, OTHER_GUILD, None):
        pause = (await GuildSettings(database).get(guild)).pause
        assert pause
        assert pause.everywhere
        assert pause.reason == "new disks"
        assert (await GuildRules(database).for_member(guild, 1)).pause == pause
    assert await Host(database).resume()
    assert not await Host(database).resume()
    assert sorted(await claim_all(database)) == [running.id, waiting.id]


async def test_the_hosts_pause_does_not_affect_the_moderators_pause(database: Database) -> None:
    await insert_job(database)
    await ModerationQueue(database).pause(GUILD, MODERATOR, "a film evening")
    await Host(database).pause(HOST, None)
    assert await Host(database).resume()
    pause = (await GuildSettings(database).get(GUILD)).pause
    assert pause
    assert (pause.everywhere, pause.by, pause.reason) == (False, MODERATOR, "a film evening")
    assert await claim_all(database) == []


async def test_a_notice_remembers_for_a_day_which_servers_it_has_reached(
    database: Database, clock: Clock
) -> None:
    host = Host(database)
    for guild in (GUILD, GUILD, OTHER_GUILD):
        await host.record_notice(1, guild)
    assert await host.reached(1) == {GUILD, OTHER_GUILD}
    assert await host.reached(2) == set()
    clock.now += NOTICE_SECONDS + 1
    await host.record_notice(2, GUILD)
    assert await host.reached(1) == set()
    assert await host.reached(2) == {GUILD}
