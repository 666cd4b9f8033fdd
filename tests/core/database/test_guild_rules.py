"""Limits and word rules belong to one server, and usage counts only recent jobs."""

import asyncio
from typing import Any

from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.jobs import Jobs
from core.job import Reason, State
from core.moderation import Limits, Usage, WordRule
from tests.core.database.moderated import GUILD, MODERATOR, OTHER_GUILD, claim_all, insert_job


async def test_usage_leaves_out_failed_and_old_jobs_and_those_of_other_servers(
    database: Database, clock: Any
) -> None:
    await insert_job(database)
    clock.now += 3601
    failed, _ = await insert_job(database), await insert_job(database)
    await insert_job(database, guild=OTHER_GUILD)
    await insert_job(database, member=2)
    never_started = await insert_job(database)
    await Jobs(database).cancel(never_started.id)
    assert await GuildRules(database).usage(GUILD, 1) == Usage(waiting=3, last_hour=2)
    await claim_all(database)
    await Claims(database).finish(failed.id, "engine", State.FAILED, Reason(text="no memory"))
    assert await GuildRules(database).usage(GUILD, 1) == Usage(waiting=0, last_hour=1)


async def test_each_server_has_its_own_limits_and_words(database: Database) -> None:
    limits = Limits(running=2, size="64x96")
    await GuildRules(database).set_limits(GUILD, 5, limits, MODERATOR)
    await GuildRules(database).add_word(GUILD, WordRule("bad"), MODERATOR)
    await GuildRules(database).add_word(GUILD, WordRule("bad", age_restricted=True), MODERATOR)
    rules = await GuildRules(database).for_member(GUILD, 1)
    assert rules.limits == {5: limits}
    assert rules.words == (WordRule("bad", age_restricted=True),)
    assert not (await GuildRules(database).for_member(OTHER_GUILD, 1)).words
    assert not (await GuildRules(database).for_member(None, 1)).words
    await GuildRules(database).set_limits(GUILD, 5, Limits(), MODERATOR)
    assert await GuildRules(database).limits(GUILD) == {}


async def test_limits_changed_at_the_same_time_are_all_kept(database: Database) -> None:
    rules = GuildRules(database)
    await asyncio.gather(
        rules.change_limits(GUILD, 5, {"running": 2}, MODERATOR),
        rules.change_limits(GUILD, 5, {"steps": 100}, MODERATOR),
        rules.change_limits(GUILD, 6, {"steps": 50}, MODERATOR),
    )
    assert await rules.limits(GUILD) == {5: Limits(running=2, steps=100), 6: Limits(steps=50)}
