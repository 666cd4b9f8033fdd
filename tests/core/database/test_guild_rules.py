"""Limits and word rules belong to one server, and usage counts only what is recent."""

from typing import Any

from core.database.claims import Claims
from core.database.connection import Database
from core.database.guild_rules import GuildRules
from core.database.jobs import Jobs
from core.job import Reason, State
from core.moderation import Limits, Usage, WordRule
from tests.core.database.moderated import ELSEWHERE, HERE, MODERATOR, ask, claimed


async def test_usage_leaves_out_what_failed_what_is_old_and_what_is_elsewhere(
    database: Database, clock: Any
) -> None:
    await ask(database)
    clock.now += 3601
    failed, _ = await ask(database), await ask(database)
    await ask(database, guild=ELSEWHERE)
    await ask(database, member=2)
    never_begun = await ask(database)
    await Jobs(database).cancel(never_begun.id)
    assert await GuildRules(database).usage(HERE, 1) == Usage(waiting=3, last_hour=2)
    await claimed(database)
    await Claims(database).finish(failed.id, "engine", State.FAILED, Reason(text="no memory"))
    assert await GuildRules(database).usage(HERE, 1) == Usage(waiting=0, last_hour=1)


async def test_limits_and_words_are_kept_by_server(database: Database) -> None:
    limits = Limits(running=2, size="64x96")
    await GuildRules(database).set_limits(HERE, 5, limits, MODERATOR)
    await GuildRules(database).add_word(HERE, WordRule("bad"), MODERATOR)
    await GuildRules(database).add_word(HERE, WordRule("bad", age_restricted=True), MODERATOR)
    rules = await GuildRules(database).for_member(HERE, 1)
    assert rules.limits == {5: limits}
    assert rules.words == (WordRule("bad", age_restricted=True),)
    assert not (await GuildRules(database).for_member(ELSEWHERE, 1)).words
    assert not (await GuildRules(database).for_member(None, 1)).words
    await GuildRules(database).set_limits(HERE, 5, Limits(), MODERATOR)
    assert await GuildRules(database).limits(HERE) == {}
