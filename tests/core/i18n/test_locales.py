"""The catalogues are complete, and all text for members goes through them."""

import ast
import re
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog

from core.i18n import gettext, languages, ngettext, set_locale, use_locale
from core.i18n.extract import LOCALES, PACKAGES, ROOT, extracted, read, strings

SAME = {
    *("Details", "Seed", "Style", "Timelapse", "in {channel}", "seed {seed}"),
    *("{member} in {channel}", "#{job}, image {n}", "Message", "Prompt", "no"),
    *("low poly", "pixel art", "ukiyo-e", "Remix", "Palette", "Film", ("{n} image", "{n} images")),
    ("{n} vote", "{n} votes"),
    *("Status", "**Engines** ({n})", "**Images** {n}", "**Versions** {text}"),
}
"""Messages that may be the same in another language: names, and words that both languages have."""

TEXT_CALLS = {"RefusedError", "Decision", "RecipeError", "ImageError", "RecipeRefused", "answer"}
TEXT_ARGUMENTS = {"content", "title", "description", "label", "name", "text"}
"""Calls and arguments with text that is shown to members."""

CLI = ("bot/__main__", "core/__main__", "engine/__main__", "engine/cli", "engine/media")
"""Modules that print text for hosts on the command line."""

WORDS = re.compile(r"[^\W\d]{2,} [^\W\d]{2,}")
MAX_FORM_TEXT = 45  #: characters that Discord allows in the title of a form or the label of a field


@pytest.fixture(scope="module")
def template() -> Catalog:
    return extracted()


@pytest.fixture(params=languages())
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return read(LOCALES / f"{request.param}.po")


def placeholders(text: object) -> list[str]:
    """The names in braces, sorted."""
    return sorted(name for _, name, _, _ in string.Formatter().parse(str(text)) if name is not None)


Calls = list[tuple[str, str, ast.Call]]


@pytest.fixture(scope="module")
def calls() -> Calls:
    """Every call in the packages with messages: its place, the function's name and the call."""
    return list(_calls())


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def test_these_languages_are_available() -> None:
    assert {"de", "es", "fr", "ja"} <= {*languages()}
    with use_locale("de"):
        assert gettext("Cancel") == "Abbrechen"
        assert ngettext("{n} image", "{n} images", 1) == "1 Bild"
        assert ngettext("{n} image", "{n} images", 2) == "2 Bilder"
        with use_locale("es-419"):
            assert gettext("requested by {name}", name="{Ada}") == "pedida por {Ada}"
        set_locale("sv-SE")
        assert gettext("Cancel") == "Cancel"
    assert gettext("Cancel") == "Cancel"
    assert gettext("{braces} that a member typed") == "{braces} that a member typed"


def test_no_message_is_missing_or_stale(catalogue: Catalog, template: Catalog) -> None:
    expected = {message.id for message in template}
    translated = {message.id: message for message in catalogue}
    assert expected - translated.keys() == set(), "make translations"
    assert translated.keys() - expected == set(), "make translations"
    assert [each for each, message in translated.items() if not all(strings(message))] == []
    assert [each for each, message in translated.items() if each and message.fuzzy] == []


def test_a_translation_has_the_placeholders_of_its_message(catalogue: Catalog) -> None:
    for message in catalogue:
        if isinstance(message.id, tuple):
            assert len(strings(message)) == catalogue.num_plurals
            for text in strings(message):  # one of them may say "1" for {n}
                assert {*placeholders(text), "n"} == {*placeholders(message.id[1])}
        elif message.id:
            assert placeholders(message.string) == placeholders(message.id)


def test_nothing_is_left_in_english(catalogue: Catalog) -> None:
    same = {message.id for message in catalogue if message.id and message.string == message.id}
    assert same <= SAME


def test_each_message_is_extracted_and_gets_its_values(template: Catalog, calls: Calls) -> None:
    known = {message.id[0] if message.pluralizable else message.id for message in template}
    checked = 0
    for where, name, call in calls:
        if name in ("gettext", "gettext_noop", "gettext_lazy", "ngettext") and call.args:
            text = call.args[0]
            assert not isinstance(text, ast.JoinedStr), where
            if isinstance(text, ast.Constant):
                assert text.value in known, where
                checked += 1
                given = {keyword.arg for keyword in call.keywords}
                if name in ("gettext", "gettext_lazy") and None not in given:
                    assert {*placeholders(text.value)} == given, where
    assert checked > 300


def test_text_shown_to_members_is_translatable(calls: Calls) -> None:
    """Only literals in the code are checked."""
    found = []
    for where, name, call in calls:
        shown = [keyword.value for keyword in call.keywords if keyword.arg in TEXT_ARGUMENTS]
        for part in [*shown, *(call.args if name in TEXT_CALLS else [])]:
            pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
            texts = [piece.value for piece in pieces if isinstance(piece, ast.Constant)]
            if any(WORDS.search(str(text)) for text in texts) and not where.startswith(CLI):
                found.append(f"{where} {ast.unparse(part)}")
    assert found == []


def test_form_texts_are_short_enough_in_every_language(catalogue: Catalog, calls: Calls) -> None:
    translations = {message.id: str(message.string) for message in catalogue}
    checked = 0
    for where, name, call in calls:
        texts = {"Label": "text", "__init__": "title"}.get(name)
        for keyword in call.keywords:
            if keyword.arg == texts:
                for each in ast.walk(keyword.value):
                    if isinstance(each, ast.Constant) and each.value in translations:
                        assert len(translations[each.value]) <= MAX_FORM_TEXT, where
                        checked += 1
    assert checked
