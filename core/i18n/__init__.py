"""Translations: gettext catalogues, and the language of the current task.

The English texts are in the code. `core/i18n/locales/` has a catalogue for each other language,
named like Discord's locales: `de.po`, or `pt-BR.po` where the country matters. `core.i18n.extract`
updates them from the code.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH = "en"

_locale = ContextVar("locale", default=ENGLISH)


def set_locale(locale: str) -> None:
    """Sets the language of the current task; `locale` is one of Discord's."""
    _locale.set(language_of(locale))


def get_locale() -> str:
    """The language of the current task."""
    return _locale.get()


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Sets the language within the block; `locale` is one of Discord's."""
    before = _locale.set(language_of(locale))
    try:
        yield
    finally:
        _locale.reset(before)


def gettext(message: str, /, **values: Any) -> str:
    """The message in the current language, with the values in its `{placeholders}`.

    A message without a translation stays English. Without values, braces are left as they are.
    """
    translated = _catalogue(_locale.get()).gettext(message) if message else ""
    return translated.format(**values) if values else translated


def ngettext(one: str, several: str, n: int, /, **values: Any) -> str:
    """Like `gettext`, in the plural form that the language uses for `n`."""
    return _catalogue(_locale.get()).ngettext(one, several, n).format(n=n, **values)


def gettext_noop(message: str) -> str:
    """Returns the message unchanged; marks it for the catalogues, to be translated later."""
    return message


@cache
def languages() -> tuple[str, ...]:
    """All languages with a catalogue."""
    names = sorted(entry.name for entry in (files("core.i18n") / "locales").iterdir())
    return tuple(name.removesuffix(".po") for name in names if name.endswith(".po"))


@cache
def language_of(locale: str) -> str:
    """The language for one of Discord's locales: itself, without its country, or English."""
    for name in (locale, locale.partition("-")[0]):
        if name in languages():
            return name
    return ENGLISH


@cache
def _catalogue(language: str) -> NullTranslations:
    if language == ENGLISH:
        return NullTranslations()
    source = (files("core.i18n") / "locales" / f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source)))
    compiled.seek(0)
    return GNUTranslations(compiled)
