"""The written descriptions of things, and the synonyms that come with them."""

from core.understanding.tokens import fold
from core.understanding.vocabulary import vocabulary_of
from training.data.concepts import LANGUAGES
from training.data.descriptions import descriptions, texts_by_language, written_synonyms


def test_every_thing_is_described_in_every_language() -> None:
    vocabulary = vocabulary_of("picturebook")
    assert vocabulary
    for name in vocabulary.labels["en"]:
        found = descriptions()[name]
        assert len(found.texts["en"]) == 3, name
        for language in LANGUAGES:
            assert all(text.strip() for text in found.texts[language]), name
            assert found.texts[language], name


def test_a_synonym_stands_for_one_thing_and_never_for_what_is_taken() -> None:
    names = ["beaver", "barrel", "tram", "tram car"]
    found = written_synonyms(names, taken=set())
    assert found["cask"] == "barrel"
    shared = {fold(w) for w in descriptions()["tram"].synonyms["en"]}
    shared &= {fold(w) for w in descriptions()["tram car"].synonyms["en"]}
    assert shared
    assert not shared & found.keys()
    assert "cask" not in written_synonyms(names, taken={"cask"})


def test_things_without_descriptions_have_no_texts() -> None:
    texts = texts_by_language(["beaver", "unheard-of thing"])
    assert texts["en"]["unheard-of thing"] == []
    assert len(texts["en"]["beaver"]) >= 3
