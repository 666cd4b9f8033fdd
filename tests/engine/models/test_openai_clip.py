"""What we use of OpenAI's package comes without the rest of it."""

import subprocess
import sys

import clip
import pytest

from engine.models import openai_clip


def test_others_who_import_the_package_get_the_same_classes() -> None:
    from clip.model import CLIP
    from clip.simple_tokenizer import SimpleTokenizer

    assert openai_clip.CLIP is CLIP
    assert openai_clip.SimpleTokenizer is SimpleTokenizer
    assert clip.tokenize("a cat")[0, 1:3].tolist() == SimpleTokenizer().encode("a cat")


@pytest.mark.slow
def test_the_engine_imports_neither_torchs_compiler_nor_torchvision() -> None:
    code = "import sys, engine.service; print({'torch._dynamo', 'torchvision'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
