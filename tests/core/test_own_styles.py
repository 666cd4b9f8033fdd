"""The host's own styles, read from a file; errors in it are named."""

from pathlib import Path

import pytest
from PIL import Image

from core.own_styles import MAX_HOST_STYLES, load_host_styles
from core.prompts import Prompt
from core.settings import SettingsError
from core.styles import Style


def test_host_styles_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "styles.toml"
    path.write_text(
        '["Our comic"]\ninclude = "ink:0.4"\nexclude = "fog:0.2"\n[haze]\ninclude = "haze:0.4"\n'
    )
    assert load_host_styles(path) == {
        "our comic": Style("Our comic", (Prompt("ink", 0.4),), (Prompt("fog", 0.2),)),
        "haze": Style("haze", (Prompt("haze", 0.4),)),
    }
    assert load_host_styles(None) == {}


def test_an_example_is_a_file_beside_the_styles(tmp_path: Path) -> None:
    path, example = tmp_path / "styles.toml", tmp_path / "haze.png"
    path.write_text('[haze]\ninclude = "haze:0.4"\nimage = "haze.png"\n')
    with pytest.raises(SettingsError, match=r"“haze” in STYLES_FILE: .*haze\.png"):
        load_host_styles(path)
    example.write_text("no image")
    with pytest.raises(SettingsError, match=r"haze\.png: That file isn't a PNG"):
        load_host_styles(path)
    Image.new("RGB", (9, 9)).save(example)
    assert load_host_styles(path)["haze"] == Style("haze", (Prompt("haze", 0.4),), (), example)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[", "STYLES_FILE cannot be read"),
        ("haze = 1", "“haze” in STYLES_FILE must have prompts"),
        ("[haze]\ninclude = 'a'\ninculde = 'b'", "and nothing else"),
        ("[haze]\ninclude = 'a'\nexclude = 1", "may have prompts as exclude"),
        ("[haze]\ninclude = 'a'\nimage = 1", "and a file as image"),
        ("[haze]\ninclude = 'a:20'", "“haze” in STYLES_FILE: A weight is a number"),
        ("[haze]\ninclude = 'left: a'", "stories or regions"),
        ("[haze]\ninclude = 'a|b|c|d|e'", "up to 4 prompts"),
        ("[nacht]\ninclude = 'a'", "already taken"),
        ("[haze]\ninclude = 'a'\n[Haze]\ninclude = 'a'", "the same name as another"),
        ("\n".join(f"[s{n}]" for n in range(MAX_HOST_STYLES + 1)), "more than 25 styles"),
    ],
)
def test_an_error_in_the_file_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "styles.toml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=sentence):
        load_host_styles(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_host_styles(tmp_path / "missing.toml")
