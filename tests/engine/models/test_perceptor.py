from pathlib import Path

import clip
import open_clip.tokenizer
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms.v2.functional import normalize

from core.prompts import canonical
from engine.models.model import Model, load_model
from engine.models.perceptor import MEAN, STD, _cleaned

TEXTS = ["a large red circle, on a plain white background!", "fog", ""]


def test_text_embeddings_match_clips_own(sketch: Model) -> None:
    embedded = sketch.perceptor.embed_texts(TEXTS)
    expected = sketch.perceptor.clip.encode_text(clip.tokenize(TEXTS))
    torch.testing.assert_close(embedded, expected / expected.norm(dim=1, keepdim=True))
    assert torch.equal(sketch.perceptor.embed_texts(TEXTS), embedded)
    assert sketch.perceptor.embed_texts([]).shape == (0, 256)


def test_prompts_with_a_thing_are_embedded_by_its_english_name(tmp_path: Path) -> None:
    perceptor = load_model("picturebook", tmp_path, torch.device("cpu")).perceptor
    castle, understood, with_unknown_word, no_thing, unknown = perceptor.embed_texts(
        ["castle", "Zeig mir bitte ein Schloss", "ein Bild, Motiv Schloss", "purple qwzx", "qwzx"]
    )
    assert torch.allclose(understood, castle, atol=1e-6)
    assert torch.allclose(with_unknown_word, castle, atol=1e-6)
    purple, original = perceptor._encode(["purple", "purple qwzx"])
    assert torch.allclose(no_thing, F.normalize(purple + original, dim=0), atol=1e-6)
    assert torch.allclose(unknown, perceptor._encode(["qwzx"])[0], atol=1e-6)
    assert perceptor.embed_texts([]).shape == (0, len(castle))


def test_images_are_normalised_for_clip_and_the_gradient_passes_through(sketch: Model) -> None:
    images = torch.rand(2, 3, 64, 64).requires_grad_()
    embedded = sketch.perceptor.embed_images(images)
    expected = sketch.perceptor.clip.encode_image(normalize(images, list(MEAN), list(STD)))
    torch.testing.assert_close(embedded, expected / expected.norm(dim=1, keepdim=True))
    embedded[:, 0].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in sketch.perceptor.parameters())


def test_words_beyond_77_tokens_are_reported_as_truncated(sketch: Model) -> None:
    words = [f"word{chr(97 + i % 26)}" for i in range(60)]
    text = " ".join(words)
    truncated = sketch.perceptor.truncated_words(text)
    kept = words[: len(words) - len(truncated)]
    assert 0 < len(truncated) < len(words)
    assert truncated == words[len(kept) :]
    assert len(clip.tokenize(" ".join(kept))[0].nonzero()) <= 77
    assert torch.equal(
        sketch.perceptor.embed_texts([text]),
        sketch.perceptor.embed_texts([text + " and what comes after changes nothing"]),
    )


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_words_are_truncated_exactly_when_clip_cannot_take_the_whole_text(
    sketch: Model, text: str
) -> None:
    try:
        clip.tokenize(text)
        fits = True
    except RuntimeError:
        fits = False
    assert (sketch.perceptor.truncated_words(text) == []) == fits


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_a_canonical_prompt_needs_no_cleaning(text: str) -> None:
    prompt = canonical(text)
    assert _cleaned(prompt) == prompt
    assert open_clip.tokenizer._clean_whitespace(prompt) == prompt


def test_clips_end_token_in_a_prompt_does_not_end_it(sketch: Model) -> None:
    embed = sketch.perceptor.embed_texts
    assert torch.equal(embed(["a red <|endoftext|> circle"]), embed(["a red circle"]))


def test_a_perceptor_with_a_small_vocabulary_knows_its_words(sketch: Model) -> None:
    perceptor = sketch.perceptor
    assert perceptor.knows("A RED unicorn!")
    assert not perceptor.knows("a picture of the unicorn")
    assert perceptor.unknown_words("a red unicorn, on the unicorn's lawn") == [
        "unicorn",
        "s",
        "lawn",
    ]
    assert perceptor.words is not None
    assert {"red", "circle"} <= perceptor.words
    assert perceptor.words.isdisjoint({"a", "on", ",", "picture"})
