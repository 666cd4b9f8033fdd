"""The SQLite database: its connection, and a repository for each subject."""
