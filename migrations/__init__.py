"""Migrations: numbered SQL (`0001_what.sql`), applied in order by `core.database.connection`."""
