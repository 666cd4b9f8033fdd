"""The page under `/`, and the server of its files."""
