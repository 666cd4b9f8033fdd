"""The options of the benchmark of things, and which paragraphs its report has."""

from typing import cast

import pytest

from bench.quality.things import _parser, _variety
from training.data.images import Images
from training.judges.prototypes import PrototypeJudge


def test_a_report_without_varied_prompts_has_no_paragraph_about_variety() -> None:
    options = _parser().parse_args(["--varied", "0"])
    assert options.varied == 0
    judge, images = cast(PrototypeJudge, None), cast(Images, None)
    assert list(_variety(judge, images, [], [])) == []


@pytest.mark.parametrize("number", ["-1", "81"])
def test_a_number_of_varied_prompts_that_there_cannot_be_is_refused(number: str) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["--varied", number])
