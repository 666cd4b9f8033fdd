"""The Markdown tables of benchmarks."""

from bench.markdown import table


def test_text_is_aligned_left_and_numbers_right() -> None:
    assert table(("name", "s"), [("a", 1.5), ("b", 2)]).splitlines() == [
        "| name | s |",
        "| --- | ---: |",
        "| a | 1.5 |",
        "| b | 2 |",
    ]
    assert table(("a", "b", "n"), [], text_columns=2).splitlines()[1] == "| --- | --- | ---: |"
