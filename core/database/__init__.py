"""The SQLite database: its connection, and one repository for each subject."""
