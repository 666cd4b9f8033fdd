"""A server's own styles: visible only there, limited in number, without deleted uploads."""

import sqlite3
from contextlib import closing
from pathlib import Path

from core.database.audit_log import AuditLog
from core.database.connection import Database
from core.database.deletions import Deletions
from core.database.guild_defaults import GuildDefaults
from core.database.guild_styles import MAX_STYLES, Example, GuildStyles
from core.database.members import Members, Preferences
from core.database.personal_data import PersonalData
from core.database.provenance import UploadedImages
from core.defaults import Defaults
from core.discord_ui.audit_log import details_text
from core.prompts import parse_prompts
from core.storage.retention import needed_until
from core.styles import Style
from tests.core.database.moderated import GUILD, MODERATOR, OTHER_GUILD

UPLOAD = "a" * 64
COMIC = Style("Our Comic", parse_prompts("ink:0.4 | left \\| right"), parse_prompts("fog:0.2"))


async def test_a_style_is_found_only_in_its_server_in_any_case(database: Database) -> None:
    styles = GuildStyles(database)
    assert await styles.add(GUILD, COMIC, MODERATOR, None)
    assert await styles.find(GUILD, " our COMIC ") == COMIC
    assert await styles.find(OTHER_GUILD, COMIC.name) is None
    assert await styles.find(None, COMIC.name) is None
    assert await styles.all(OTHER_GUILD) == []
    again = Style("our comic", parse_prompts("pencil:0.4"))
    assert await styles.add(GUILD, again, MODERATOR, None)
    assert await styles.all(GUILD) == [again]
    assert not await styles.remove(OTHER_GUILD, "our comic", MODERATOR)
    assert await styles.remove(GUILD, "OUR comic", MODERATOR)
    assert await styles.all(GUILD) == []
    _, entries = await AuditLog(database).page(GUILD)
    assert [details_text(entry) for entry in entries] == [
        "“our comic”: removed",
        "“our comic”: pencil:0.4",
        r"“Our Comic”: ink:0.4 \| left \\\| right − fog:0.2",
    ]


async def test_the_number_of_styles_of_a_server_is_limited(database: Database) -> None:
    styles = GuildStyles(database)
    for number in range(MAX_STYLES):
        assert await styles.add(GUILD, Style(f"style {number}", COMIC.include), MODERATOR, None)
    assert not await styles.add(GUILD, COMIC, MODERATOR, None)
    assert await styles.add(GUILD, Style("STYLE 0", COMIC.include), MODERATOR, None)
    assert await styles.add(OTHER_GUILD, COMIC, MODERATOR, None)
    assert len(await styles.all(GUILD)) == MAX_STYLES


async def test_a_removed_style_is_no_longer_a_default(database: Database) -> None:
    styles, members, defaults = GuildStyles(database), Members(database), GuildDefaults(database)
    for guild in (GUILD, OTHER_GUILD):
        await styles.add(guild, COMIC, MODERATOR, None)
        await defaults.change(guild, 0, {"steps": 20, "preset": COMIC.name}, MODERATOR)
        await members.change_preferences(guild, steps=30, preset=COMIC.name, preset_guild=guild)
    await styles.remove(GUILD, COMIC.name, MODERATOR)
    assert await defaults.get(GUILD) == Defaults(steps=20)
    assert await members.preferences(GUILD) == Preferences(steps=30)
    assert (await defaults.get(OTHER_GUILD)).preset == COMIC.name
    assert (await members.preferences(OTHER_GUILD)).preset_guild == OTHER_GUILD


async def test_an_example_is_kept_until_its_uploader_or_its_style_is_deleted(
    database: Database,
) -> None:
    styles = GuildStyles(database)
    await UploadedImages(database).add(UPLOAD, 1, age_restricted=True, spoilered=False)
    await styles.add(GUILD, COMIC, 1, UPLOAD)
    assert await styles.example(GUILD, COMIC.name) == Example(UPLOAD, True, False)
    assert await styles.example(OTHER_GUILD, COMIC.name) is None
    assert (await needed_until(database, images=[UPLOAD])).images == {UPLOAD: float("inf")}
    records = {name: rows async for name, rows in PersonalData(database).records(1)}
    assert records["examples of styles"] == [
        {"guild_id": GUILD, "style": COMIC.name, "image": UPLOAD}
    ]
    await Deletions(database).delete_member(1)
    assert await styles.example(GUILD, COMIC.name) is None
    assert (await needed_until(database, images=[UPLOAD])).images == {}
    assert await styles.all(GUILD) == [COMIC]
    records = {name: rows async for name, rows in PersonalData(database).records(1)}
    assert set(records) <= {"moderation log"}


async def test_a_damaged_style_hides_no_other(path: Path, database: Database) -> None:
    styles = GuildStyles(database)
    for name in ("a", "b", "c", "good"):
        await styles.add(GUILD, Style(name, COMIC.include), MODERATOR, None)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE guild_styles SET include = 'fog:99' WHERE key = 'a'")
        db.execute("UPDATE guild_styles SET name = CAST(x'ff' AS TEXT) WHERE key = 'b'")
        db.execute("UPDATE guild_styles SET name = '' WHERE key = 'c'")
    assert [style.name for style in await styles.all(GUILD)] == ["good"]
    assert await styles.find(GUILD, "a") is None
    assert await styles.remove(GUILD, "a", MODERATOR)
