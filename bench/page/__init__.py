"""How fast the page of `make try` shows what happens."""
