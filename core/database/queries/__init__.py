"""The long queries, each in a file that says what it is for."""

import re
from functools import cache
from importlib.resources import files

_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


@cache
def query(name: str) -> str:
    """The SQL of `NAME.sql`, without its comments."""
    return _COMMENT.sub("", (files(__name__) / f"{name}.sql").read_text(encoding="utf-8"))
