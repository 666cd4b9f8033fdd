"""Settings: errors name the setting and what is allowed, and never show a secret."""

import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logging import configure_logging
from core.settings import OLD_NAMES, PerceptorChoice, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_lists_all_settings_with_their_defaults(tmp_path: Path) -> None:
    """With every line of the example uncommented, the settings are the defaults."""
    example = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    uncommented = re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE)
    env = tmp_path / "all.env"
    env.write_text(uncommented, encoding="utf-8")
    assert load_settings(env) == Settings()
    names = re.findall(r"^([A-Z_]+)=", uncommented, flags=re.MULTILINE)
    assert names == [name.upper() for name in Settings.model_fields if name not in OLD_NAMES]


def test_the_environment_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".env"
    env.write_text('DISCORD_TOKEN="from.the.file"\nMODEL=imagenet\nSOMETHING_ELSE=1\n')
    monkeypatch.setenv("MODEL", "sketch")
    settings = load_settings(env)
    assert settings.token() == "from.the.file"
    assert settings.model == "sketch"


def test_an_old_name_still_works_and_is_logged_as_deprecated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAIR", "imagenet")
    log = io.StringIO()
    configure_logging(settings := load_settings(None), log)
    assert settings.model == "imagenet"
    assert "the setting PAIR is deprecated: rename it to MODEL" in log.getvalue()
    monkeypatch.setenv("MODEL", "gumbel")
    assert load_settings(None).model == "gumbel"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISCORD_TOKEN", "two words"),
        ("IMAGE_CHECK", "a gun=delete"),
        ("IMAGE_CHECK_THRESHOLD", "2"),
        ("IMAGE_CHECK_AGE_RESTRICTED", "sometimes"),
        ("DISCORD_TOKEN", "snow☃man"),
        ("DISCORD_API_URL", "example.org"),
        ("DISCORD_API_URL", "ftp://discord.com"),
        ("DISCORD_API_URL", "http://discord.com/api/v10"),
        ("DISCORD_API_URL", "http://127.0.0.1.example.org"),
        ("DISCORD_GUILD_ID", "my server"),
        ("DISCORD_GUILD_ID", "-1"),
        ("MODEL", "../weights"),
        ("PERCEPTORS", "ViT-B-32"),
        ("PERCEPTORS", "own,own=2"),
        ("PERCEPTORS", "own own"),
        ("PERCEPTORS", "own=0"),
        ("PERCEPTORS", "own=-1"),
        ("PERCEPTORS", "own=nan"),
        ("PERCEPTORS", "own=1e9"),
        ("PERCEPTORS", "own=1=2"),
        ("PERCEPTORS", "own= 2"),
        ("PERCEPTORS", "open_clip/ViT-B-32"),
        ("PERCEPTORS", "open_clip/ViT-B-32/"),
        ("PERCEPTORS", "open_clip/hf-hub:x/y"),
        ("PERCEPTORS", "open_clip/ViT-B-32/☃.pt"),
        ("PERCEPTORS", "own open_clip/ViT-B-32/openai=x"),
        ("DEVICE", "gpu"),
        ("LOG_LEVEL", "LOUD"),
        ("BOT_METRICS", "65536"),
        ("BOT_METRICS", "9101/metrics"),
        ("ENGINE_METRICS", "::1:9102"),
        ("GPU_IDLE_MINUTES", "soon"),
        ("KEEP_DAYS", "-1"),
        ("KEEP_DAYS", "a month"),
        ("DISK_QUOTA_GB", "-5"),
        ("DISK_QUOTA_GB", "inf"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^The setting {name} is wrong: .*\.$") as caught:
        load_settings(None)
    assert value not in str(caught.value)
    assert caught.value.__suppress_context__  # pydantic's error would show the value


NAMES = st.sampled_from(["own", "open_clip/ViT-B-32/openai", "open_clip/ViT-B.1/srv/a_1.pt"])
NUMBERS = st.decimals(Decimal("0.001"), 1000, places=3)


@given(st.dictionaries(NAMES, st.none() | NUMBERS), st.sampled_from([" ", "  ", "\t"]))
def test_perceptors_are_parsed_with_their_weights(
    wanted: dict[str, Decimal | None], gap: str
) -> None:
    value = gap.join(name if n is None else f"{name}={n}" for name, n in wanted.items())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERCEPTORS", value)
        perceptors = load_settings(None).perceptors
    expected = {name: 1.0 if n is None else float(n) for name, n in wanted.items()}
    assert {choice.name: choice.weight for choice in perceptors} == expected


def test_a_perceptor_of_open_clip_is_an_architecture_and_its_weights() -> None:
    assert PerceptorChoice("own", 1.0).open_clip_model is None
    by_tag = PerceptorChoice("open_clip/ViT-B-32/openai", 1.0)
    assert by_tag.open_clip_model == ("ViT-B-32", "openai")
    by_file = PerceptorChoice("open_clip/ViT-B-32//srv/weights/a.pt", 1.0)
    assert by_file.open_clip_model == ("ViT-B-32", "/srv/weights/a.pt")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("9101", "127.0.0.1:9101"),
        ("0.0.0.0:9101", "0.0.0.0:9101"),
        ("[::1]:9101", "[::1]:9101"),
    ],
)
def test_metrics_are_served_on_localhost_by_default(
    value: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_METRICS", value)
    assert str(load_settings(None).bot_metrics) == address


def test_each_wrong_setting_has_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("DEVICE", "abacus")
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_bytes(b"DISCORD_TOKEN=\xff\xfe\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(env)


def test_the_error_for_a_missing_token_says_where_to_set_it() -> None:
    with pytest.raises(SettingsError, match=r"DISCORD_TOKEN is not set.*\.env"):
        load_settings(None).token()


def test_the_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "very.secret.token")
    settings = load_settings(None)
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "very.secret.token" not in shown


@pytest.mark.parametrize("host", ["http://127.0.0.1:8080", "http://[::1]:80", "https://a.example"])
def test_the_trailing_slash_of_the_api_url_is_removed(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("DISCORD_API_URL", f"{host}/api/v10/")
    assert load_settings(None).discord_api_url == f"{host}/api/v10"


def test_the_token_may_be_in_the_supervisors_credentials_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "discord_token").write_text("from.the.file\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    assert load_settings(None).token() == "from.the.file"
    monkeypatch.setenv("DISCORD_TOKEN", "from.the.environment")
    assert load_settings(None).token() == "from.the.environment"
