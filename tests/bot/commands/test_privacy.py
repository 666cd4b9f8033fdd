"""/privacy: what is kept about a member is told, and goes when they say so."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from bot.client import ImagineBot
from core.database.jobs import Store
from core.database.members import Kept, Members, Preferences
from core.settings import Settings
from core.storage.paths import folder_of
from sandbox import Member, Sandbox
from tests.bot.conftest import asked, press, told


async def test_all_of_it_is_deleted_and_nothing_of_others(
    bot: ImagineBot,
    sandbox: Sandbox,
    store: Store,
    settings: Settings,
    ada: Member,
    bob: Member,
    painted: Any,
    tmp_path: Path,
) -> None:
    for name in ("own", "shared"):
        Image.new("RGB", (9, 9), "red" if name == "own" else "blue").save(tmp_path / f"{name}.png")
    job, card = await painted(
        ada, count=2, image=tmp_path / "own.png", like=tmp_path / "shared.png"
    )
    others, others_card = await painted(bob, image=tmp_path / "shared.png")
    waiting = await asked(ada)
    members = Members(store)
    await members.set_favourite(bob.id, job.id, True)
    await members.prefer(ada.id, Preferences("96x64", 40, None, True))
    await ada.slash("privacy")
    message = await told(ada, "2 jobs")
    assert "2 pictures" in message.text
    (file,) = message.files
    everything = json.loads(await ada.download(file))
    assert [each["id"] for each in everything["jobs"]] == [3, 1]
    assert everything["jobs"][1]["recipe"] == json.loads(job.recipe.model_dump_json())
    assert everything["preferences"][0]["size"] == "96x64"
    await press(sandbox, bob, others_card, f"forget:{ada.id}")
    await told(bob, "Only they themselves")
    await ada.press(message, message.buttons[0].custom_id)
    await told(ada, "Deleted: 2 jobs")
    assert await members.kept(ada.id) == Kept(0, 0, 0, None)
    assert await members.preferences(ada.id) == Preferences()
    assert not await store.waiting()
    assert not folder_of(job.id, settings.data_dir).exists()
    assert folder_of(others.id, settings.data_dir).exists()
    kept = [path.stem for path in (settings.data_dir / "initial").iterdir()]
    assert kept == [others.recipe.initial]
    assert [each.id for each in await bob.messages() if not each.ephemeral] == [others_card.id]
    assert card.id != waiting.id
