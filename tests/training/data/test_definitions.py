"""Which definition of a name is chosen for a thing."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.concepts import LANGUAGES, Concept
from training.data.definitions import meanings


def encoder(texts: Sequence[str]) -> Tensor:
    """Embeds texts along two axes: one for water, one for persons."""
    rows = [[text.count("river") + text.count("dam") + 0.1, text.count("person")] for text in texts]
    return F.normalize(torch.tensor(rows, dtype=torch.float32), dim=1)


def thing(name: str, *keywords: str) -> Concept:
    return Concept(name, 0, dict.fromkeys(LANGUAGES, name), dict.fromkeys(LANGUAGES, keywords))


def test_a_thing_gets_the_nearest_definition_that_is_not_offensive() -> None:
    synsets = [
        (["beaver"], "a person with a hat"),
        (["beaver"], "builds a dam"),
        (["beaver"], "(offensive) lives by a river with a dam"),
        (["face"], "a part of a person"),
    ]
    things = [thing("beaver", "dam"), thing("happy face"), thing("qwzx", "person")]
    assert meanings(things, synsets, encoder) == [  # type: ignore[arg-type]
        "beaver: dam. builds a dam",
        "happy face: . a part of a person",
        "qwzx: person",
    ]
