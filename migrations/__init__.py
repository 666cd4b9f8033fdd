"""Numbered SQL (`0001_what.sql`), applied in order, once each, by `core.database.jobs`."""
