"""Where the images of a recipe come from: which jobs, whose uploads and which channels."""

import json

from core.database.connection import Database
from core.database.rows import rows_of
from core.job import Provenance
from core.recipe import Recipe


class UploadedImages:
    """Who uploaded what, and what jobs inherit. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, name: str, member_id: int, *, age_restricted: bool, spoilered: bool
    ) -> None:
        """Records that a member uploaded an image. Once restricted or spoilered, it stays so."""
        async with self._database.transaction() as db:
            await db.execute(
                "INSERT INTO uploaded_images VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name, member_id) DO UPDATE SET"
                " age_restricted = MAX(age_restricted, excluded.age_restricted),"
                " spoilered = MAX(spoilered, excluded.spoilered)",
                (name, member_id, self._database.now(), age_restricted, spoilered),
            )

    async def foreign(self, recipe: Recipe, member_id: int) -> tuple[str, ...]:
        """The names of images in a recipe that this member has not uploaded."""
        return (await self.provenance(recipe, member_id, None)).foreign_images

    async def provenance(self, recipe: Recipe, member_id: int, parent_id: int | None) -> Provenance:
        """What the recipe inherits if this member requests it as a child of that job.

        Jobs inherited from their own when they were queued, so one level is enough.
        """
        jobs = (parent_id, recipe.source.job if recipe.source else None)
        names = recipe.image_names
        async with self._database.snapshot() as db:
            inherited = await rows_of(
                db, "SELECT age_restricted, spoilered FROM jobs WHERE id IN (?, ?)", jobs
            )
            uploads = await rows_of(
                db,
                "SELECT name, age_restricted, spoilered FROM uploaded_images"
                " WHERE member_id = ? AND name IN (SELECT value FROM json_each(?))",
                (member_id, json.dumps(names)),
            )
        own = {row["name"] for row in uploads}
        return Provenance(
            age_restricted=any(row["age_restricted"] for row in (*inherited, *uploads)),
            spoilered=any(row["spoilered"] for row in (*inherited, *uploads)),
            foreign_images=tuple(name for name in names if name not in own),
        )
