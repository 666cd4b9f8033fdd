"""Defaults for what a member leaves out of a request."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults of a member, channel, server or host; None where there is none."""

    size: str | None = None
    steps: int | None = None
    preset: str | None = None
    """A style."""
    exclude: str | None = None
    """Exclude prompts in the grammar."""
    count: int | None = None
    """How many images to request at once."""


def merged(layers: Iterable[Defaults]) -> Defaults:
    """Each value from the first of the layers that has one."""
    found = [asdict(layer) for layer in layers]
    values = {
        field.name: [each[field.name] for each in found if each[field.name] is not None]
        for field in fields(Defaults)
    }
    return Defaults(**{name: given[0] for name, given in values.items() if given})
