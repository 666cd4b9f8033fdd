"""One typed settings object, from the environment and from `.env` in the working directory."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.image_check import (
    DEFAULT_THRESHOLD,
    MAX_CONCEPT,
    MAX_CONCEPTS,
    CheckPolicy,
    Concept,
    parse_concepts,
)

DISCORD_API = "https://discord.com/api/v10"
MAX_WEIGHT = 1000.0  #: of a perceptor
OLD_NAMES = {"pair": "model"}
"""Old names of settings that are still read, and the current names."""

_ALLOWED = {
    "discord_token": "a bot token (letters, digits, dots, dashes and underscores)",
    "discord_api_url": f"an https address such as {DISCORD_API}, or an http one on this machine",
    "discord_guild_id": "the ID of one of your servers, or nothing",
    "database_path": "the path of a file",
    "data_dir": "the path of a folder",
    "model": "the name of a model, such as picturebook or imagenet",
    "models": "names of models, separated by spaces, or nothing",
    "pair": "the name of a model, such as picturebook or imagenet",
    "perceptors": (
        "own, open_clip/ARCHITECTURE/PRETRAINED, or several of them separated by spaces, each at "
        "most once and followed by =WEIGHT if its weight is not 1"
    ),
    "device": "auto, cpu, cuda, or cuda:0 and so on",
    "ray_address": "auto, the address of a Ray cluster such as 10.0.0.5:6379, or nothing",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
    "bot_metrics": "a port such as 9101, an address and port such as 0.0.0.0:9101, or nothing",
    "engine_metrics": "a port such as 9102, an address and port such as 0.0.0.0:9102, or nothing",
    "gpu_idle_minutes": "a number of minutes above 0, or nothing",
    "keep_days": "a number of days above 0, or nothing",
    "disk_quota_gb": "a number of gigabytes above 0, or nothing",
    "images_per_request": "a number of images from 1 to 4",
    "max_favourites": "a number of favourites, 1 or more",
    "styles_file": "the path of a file, or nothing",
    "image_check": (
        f"up to {MAX_CONCEPTS} concepts of up to {MAX_CONCEPT} characters separated by bars, such "
        "as blood | a gun=refuse; =spoiler, =hold or =refuse may follow each"
    ),
    "image_check_threshold": "a number from -1 to 1",
    "image_check_age_restricted": "true or false",
}


class SettingsError(Exception):
    """Settings are wrong or missing; `str(error)` has one sentence for the host about each."""


@dataclass(frozen=True, slots=True)
class PerceptorChoice:
    """A perceptor (`own` is the model's own one) and its weight, above 0."""

    name: str
    weight: float

    @property
    def open_clip_model(self) -> tuple[str, str] | None:
        """Architecture and weights (a tag or a file) of an open_clip model; None for `own`."""
        if self.name == OWN:
            return None
        _, architecture, pretrained = self.name.split("/", maxsplit=2)
        return architecture, pretrained


@dataclass(frozen=True, slots=True)
class Address:
    """An address that one of our servers listens on; localhost unless a host is named."""

    port: int
    host: str = "127.0.0.1"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


OWN = "own"
_PERCEPTOR = re.compile(
    rf"(?P<name>{OWN}|open_clip/[A-Za-z0-9._-]+/[!-<>-~]+)"
    r"(=(?P<weight>[0-9]+(\.[0-9]+)?|\.[0-9]+))?",
    re.ASCII,
)


def _perceptors(value: Any) -> Any:
    """Parses a setting's text as choices; raises ValueError for a wrong entry."""
    if not isinstance(value, str):
        return value
    choices = []
    for entry in value.split():
        if (match := _PERCEPTOR.fullmatch(entry)) is None:
            raise ValueError("not a perceptor")
        choices.append(PerceptorChoice(match["name"], float(match["weight"] or 1)))
    if not all(0 < choice.weight <= MAX_WEIGHT for choice in choices):
        raise ValueError("not a weight")
    if len({choice.name for choice in choices}) < len(choices):
        raise ValueError("named twice")
    return tuple(choices)


_LISTEN_ADDRESS = re.compile(
    r"((?P<host>[A-Za-z0-9.-]+|\[(?P<six>[0-9A-Fa-f:]+)\]):)?(?P<port>[0-9]{1,5})", re.ASCII
)


def _listen_address(value: Any) -> Any:
    """Parses a setting's text as an address; raises ValueError if it isn't one."""
    if not isinstance(value, str):
        return value
    match = _LISTEN_ADDRESS.fullmatch(value)
    if match is None or not 0 < int(match["port"]) < 2**16:
        raise ValueError("not a port")
    host = match["six"] or match["host"]
    return Address(int(match["port"]), host) if host else Address(int(match["port"]))


def _concepts(value: Any) -> Any:
    """Parses a setting's text as concepts; raises ValueError for a wrong entry."""
    return parse_concepts(value) if isinstance(value, str) else value


def _names(value: Any) -> Any:
    """Splits a setting's text at spaces."""
    return tuple(value.split()) if isinstance(value, str) else value


ListenAddress = Annotated[Address | None, NoDecode, BeforeValidator(_listen_address)]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
Limit = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _token(secret: SecretStr) -> SecretStr:
    """Accepts only the characters of Discord's tokens: they need no escaping in URLs or JSON."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", secret.get_secret_value()):
        raise ValueError("not a token")
    return secret


_THIS_MACHINE = {"127.0.0.1", "[::1]", "localhost"}


def _address(text: str) -> str:
    """Checks an address; returns it as typed, because pydantic may normalise it."""
    if not re.fullmatch("[!-~]+", text):
        raise ValueError("not an address")
    url = TypeAdapter(HttpUrl).validate_python(text)
    if url.scheme == "http" and url.host not in _THIS_MACHINE:
        raise ValueError("the token would be sent unencrypted")
    return text.rstrip("/")


def _path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("not a path")
    return path


class Settings(BaseSettings):
    """All settings; `.env.example` explains each. Use `load_settings` to read them."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    discord_token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    discord_api_url: Annotated[str, AfterValidator(_address)] = DISCORD_API
    discord_guild_id: Annotated[int, Field(gt=0, lt=2**63)] | None = None
    database_path: Annotated[Path, AfterValidator(_path)] = Path("data/imagine.db")
    data_dir: Annotated[Path, AfterValidator(_path)] = Path("data")
    model: ModelName = "picturebook"
    models: Annotated[tuple[ModelName, ...], NoDecode, BeforeValidator(_names)] = ()
    perceptors: Annotated[tuple[PerceptorChoice, ...], NoDecode, BeforeValidator(_perceptors)] = ()
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    ray_address: Annotated[str, Field(pattern=r"^(auto|[^\s:/]+:\d{1,5})$")] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    bot_metrics: ListenAddress = None
    engine_metrics: ListenAddress = None
    gpu_idle_minutes: Limit | None = None
    keep_days: Limit | None = None
    disk_quota_gb: Limit | None = None
    images_per_request: Annotated[int, Field(ge=1, le=4)] = 4
    max_favourites: Annotated[int, Field(ge=1)] = 100
    styles_file: Annotated[Path, AfterValidator(_path)] | None = None
    image_check: Annotated[tuple[Concept, ...], NoDecode, BeforeValidator(_concepts)] = ()
    image_check_threshold: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = (
        DEFAULT_THRESHOLD
    )
    image_check_age_restricted: bool = True
    pair: ModelName | None = None  # the name of `model` until 2026

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {new: values[old] for old, new in OLD_NAMES.items() if old in values} | values

    @property
    def offered_models(self) -> tuple[str, ...]:
        """The models that members can choose from, without duplicates; the first is the default."""
        return tuple(dict.fromkeys((self.model, *self.models)))

    @property
    def check_policy(self) -> CheckPolicy:
        """The host's settings of the image check."""
        return CheckPolicy(
            self.image_check, self.image_check_threshold, self.image_check_age_restricted
        )

    def token(self) -> str:
        """The Discord token as plain text, only for `login`. Raises SettingsError without one."""
        if self.discord_token is None:
            raise SettingsError(
                "DISCORD_TOKEN is not set. Copy .env.example to .env, unless you already have,"
                " and write your bot's token into it: https://discord.com/developers/applications,"
                " your application, page Bot, Reset Token. docs/hosting.md has every step."
            )
        return self.discord_token.get_secret_value()


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Loads the settings; the environment takes precedence over `env_file`. Raises SettingsError.

    Secrets can also be files, such as `discord_token`, in the folder CREDENTIALS_DIRECTORY, where
    systemd and containers put them; the environment and `env_file` take precedence over those.

    A program starts with `try: … except SettingsError as error: sys.exit(str(error))`.
    """
    try:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        return Settings(_env_file=env_file, _secrets_dir=folder)  # type: ignore[call-arg]
    except ValidationError as error:
        names = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
        raise SettingsError("\n".join(map(_sentence, names))) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The settings file {env_file} cannot be read as text.") from None


def _sentence(name: str) -> str:
    return f"The setting {name.upper()} is wrong: it must be {_ALLOWED[name]}."
