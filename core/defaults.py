"""Defaults for the options that a member leaves out of a request."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults of a member, channel, server or host; None where there is none."""

    size: str | None = None
    steps: int | None = None
    preset: str | None = None
    """The name of a style."""
    exclude: str | None = None
    """Exclude prompts in the grammar."""
    count: int | None = None
    """How many images to request at once."""
    model: str | None = None


def merged(layers: Iterable[Defaults]) -> Defaults:
    """Takes each value from the first layer that has one."""
    dicts = [asdict(layer) for layer in layers]
    values = {
        field.name: [layer[field.name] for layer in dicts if layer[field.name] is not None]
        for field in fields(Defaults)
    }
    return Defaults(**{name: found[0] for name, found in values.items() if found})
