"""In which language members are spoken to.

English stands in the code, and a catalogue for each other language in `core/i18n/locales/`:
`de.po`, or `pt-BR.po` where a country matters, under Discord's names. `core.i18n.extract` brings
them up to date with the code.
"""

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH = "en"

_spoken = ContextVar("spoken", default=ENGLISH)


def speak(locale: str) -> None:
    """Speaks this language, one of Discord's locales, in the current task from here on."""
    _spoken.set(_language(locale))


def spoken() -> str:
    """The language that is spoken in the current task."""
    return _spoken.get()


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speaks this language, one of Discord's locales, within the block."""
    before = _spoken.set(_language(locale))
    try:
        yield
    finally:
        _spoken.reset(before)


def say(message: str, /, **values: Any) -> str:
    """A sentence in the language that is spoken, with the values in its `{places}`.

    What no catalogue knows stays as it is; without values, braces do, too.
    """
    said = _catalogue(_spoken.get()).gettext(message) if message else ""
    return said.format(**values) if values else said


def counted(one: str, several: str, n: int, /, **values: Any) -> str:
    """Like `say`, of `n` things; in a sentence of its own for each number that needs one."""
    return _catalogue(_spoken.get()).ngettext(one, several, n).format(n=n, **values)


def mark(message: str) -> str:
    """The same text; it stands in the catalogues, for whoever will `say` it."""
    return message


@cache
def languages() -> tuple[str, ...]:
    """All languages with a catalogue."""
    names = sorted(entry.name for entry in (files("core.i18n") / "locales").iterdir())
    return tuple(name.removesuffix(".po") for name in names if name.endswith(".po"))


def _language(locale: str) -> str:
    """What is spoken to people of this locale."""
    for name in (locale, locale.partition("-")[0]):
        if name in languages():
            return name
    return ENGLISH


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    written = (files("core.i18n") / "locales" / f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(written)))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
