"""Translations: gettext catalogues, and the language of the current task.

English is in the code. `core/i18n/locales/` has a catalogue for each other language, named like
Discord's locales: `de.po`, or `pt-BR.po` where the country matters. `core.i18n.extract` updates
them from the code.
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
    """Sets the language of the current task; `locale` is one of Discord's."""
    _spoken.set(_language(locale))


def spoken() -> str:
    """The language of the current task."""
    return _spoken.get()


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Sets the language within the block; `locale` is one of Discord's."""
    before = _spoken.set(_language(locale))
    try:
        yield
    finally:
        _spoken.reset(before)


def say(message: str, /, **values: Any) -> str:
    """The message in the current language, with the values in its `{placeholders}`.

    A message without a translation stays English. Without values, braces are left as they are.
    """
    said = _catalogue(_spoken.get()).gettext(message) if message else ""
    return said.format(**values) if values else said


def counted(one: str, several: str, n: int, /, **values: Any) -> str:
    """Like `say`, in the plural form that the language uses for `n`."""
    return _catalogue(_spoken.get()).ngettext(one, several, n).format(n=n, **values)


def mark(message: str) -> str:
    """Returns the message unchanged; marks it for the catalogues, to `say` it later."""
    return message


@cache
def languages() -> tuple[str, ...]:
    """All languages with a catalogue."""
    names = sorted(entry.name for entry in (files("core.i18n") / "locales").iterdir())
    return tuple(name.removesuffix(".po") for name in names if name.endswith(".po"))


def _language(locale: str) -> str:
    """The language for a locale: its own, that of another country, or English."""
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
