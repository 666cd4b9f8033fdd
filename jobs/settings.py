"""One typed settings object, from the environment and from `.env` in the working directory."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

DISCORD_API = "https://discord.com/api/v10"

_ALLOWED = {
    "discord_token": "a bot token without spaces or line breaks",
    "discord_api_url": f"an http or https address such as {DISCORD_API}",
    "discord_guild_id": "the number of one of your servers, or nothing",
    "database_path": "the path of a file",
    "data_dir": "the path of a folder",
    "pair": "the name of a pair, such as sketch or imagenet",
    "device": "auto, cpu, cuda, or cuda:0 and so on",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
}


class SettingsError(Exception):
    """A setting is wrong or missing; `str(error)` has one sentence for the host for each."""


def _token(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().split()) != 1 or not secret.get_secret_value().isascii():
        raise ValueError("not a token")
    return secret


def _address(text: str) -> str:
    TypeAdapter(HttpUrl).validate_python(text)
    return text.rstrip("/")


class Settings(BaseSettings):
    """All settings; `.env.example` explains each. Use `load_settings` to read them."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    discord_token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    discord_api_url: Annotated[str, AfterValidator(_address)] = DISCORD_API
    discord_guild_id: Annotated[int, Field(gt=0, lt=2**63)] | None = None
    database_path: Path = Path("data/imagine.db")
    data_dir: Path = Path("data")
    pair: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = "sketch"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def token(self) -> str:
        """The Discord token in the clear, for `login` alone. Raises SettingsError without one."""
        if self.discord_token is None:
            raise SettingsError(
                "DISCORD_TOKEN is not set: write your bot's token into the file .env "
                "(see .env.example)."
            )
        return self.discord_token.get_secret_value()


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings; the environment outweighs `env_file`. Raises SettingsError.

    A program starts with `try: … except SettingsError as error: sys.exit(str(error))`.
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        names = dict.fromkeys(str(wrong["loc"][0]) for wrong in error.errors())
        raise SettingsError("\n".join(map(_sentence, names))) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The settings file {env_file} cannot be read as text.") from None


def _sentence(name: str) -> str:
    return f"The setting {name.upper()} is wrong: it must be {_ALLOWED[name]}."
