"""Writes the tables of all benchmarks."""

from collections.abc import Iterable, Sequence


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, text_columns: int = 1
) -> str:
    """A Markdown table. All columns but the first `text_columns` are numbers, aligned right."""
    aligned = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, aligned, *rows))
