"""The only reader of the environment.

Settings come from `GROUNDWORK_*` variables (nested with a double underscore), then from `groundwork.toml` in the
working directory, then from the defaults here. A wrong value stops the start with the name of the setting.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from groundwork.core.errors import ConfigurationError

CONFIG_FILE = "groundwork.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IndexSettings(_Part):
    """Where vectors live and which index answers when none is named."""

    url: str | None = Field(
        None, description="A Qdrant server's URL; embedded Qdrant Edge if unset."
    )
    api_key: SecretStr | None = Field(None, description="The Qdrant server's key.")
    default: str = Field("docs", description="The index that answers when none is named.")
    timeout_seconds: float = Field(10.0, gt=0, description="How long to wait for a Qdrant server.")
    keep_versions: int = Field(
        3, ge=1, description="Versions `index gc` keeps besides the aliased ones."
    )


class EmbedderSettings(_Part):
    """The model that turns text into vectors."""

    model: str = Field(
        "all-MiniLM-L6-v2",
        description="all-MiniLM-L6-v2 (bundled), a folder, or a model's name on a hub.",
    )
    engine: Literal["onnx", "sentence-transformers", "openai", "hashing"] = Field(
        "onnx",
        description="onnx (int8, CPU), sentence-transformers (float32, GPU), openai (a pooling"
        " endpoint at `url`) or hashing (no model; for tests).",
    )
    url: str | None = Field(
        None, description="Base URL of an OpenAI-compatible embeddings endpoint."
    )
    api_key: SecretStr | None = Field(None, description="The embeddings endpoint's key.")
    workers: int = Field(0, ge=0, description="Processes that embed an ingest; 0 means one a core.")


class RetrievalSettings(_Part):
    """How many passages are looked at."""

    candidates: int = Field(
        30, ge=10, le=500, description="Chunks each ranking contributes to fusion."
    )
    passages: int = Field(8, ge=1, le=50, description="Passages handed to the generator.")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Answer only at or above this confidence; the calibrated one if unset.",
    )


class GeneratorSettings(_Part):
    """What writes the answer."""

    engine: Literal["extractive"] = Field("extractive", description="extractive: quotes, no model.")
    max_passages: int = Field(5, ge=1, le=10, description="Passages an extractive answer cites.")


class IngestSettings(_Part):
    """Limits and safety shares of an ingest."""

    max_bytes: int = Field(20 * 2**20, gt=0, description="Files above this many bytes are skipped.")
    max_failed_share: float = Field(
        0.2, ge=0, le=1, description="Above this share of failed pages a version is not promoted."
    )
    max_vanished_share: float = Field(
        0.5, ge=0, le=1, description="Above this share of vanished pages a version is not promoted."
    )
    user_agent: str = Field("groundwork", description="How the website source names itself.")
    requests_per_second: float = Field(4.0, gt=0, description="The website source's rate limit.")
    allow_private_addresses: bool = Field(
        False, description="Let the website source reach loopback and private addresses."
    )


class ServiceSettings(_Part):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="Address to bind; others than loopback need keys.")
    port: int = Field(8080, ge=0, le=65535, description="Port to bind.")
    max_body_bytes: int = Field(256 * 1024, gt=0, description="Larger request bodies get a 413.")
    max_question_chars: int = Field(8000, gt=0, description="Longer questions get a 422.")
    max_concurrency: int = Field(64, gt=0, description="Answers in flight before a 503.")
    follow_seconds: float = Field(1.0, gt=0, description="How often the live alias is looked at.")


class LedgerSettings(_Part):
    """The store of answers, feedback and charges."""

    url: str | None = Field(None, description="SQLAlchemy URL; SQLite under the home if unset.")
    keep_days: int = Field(90, ge=1, description="Days that questions and answers are kept.")


class TelemetrySettings(_Part):
    """Logs and traces."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log level."
    )
    log_json: bool = Field(False, description="One JSON object a line.")


class Settings(BaseSettings):
    """All settings of the platform, nested by part."""

    model_config = SettingsConfigDict(
        env_prefix="GROUNDWORK_",
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        toml_file=CONFIG_FILE,
    )

    home: Path = Field(Path(".groundwork"), description="The folder that holds all state.")
    index: IndexSettings = IndexSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    generator: GeneratorSettings = GeneratorSettings()
    ingest: IngestSettings = IngestSettings()
    service: ServiceSettings = ServiceSettings()
    ledger: LedgerSettings = LedgerSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then `groundwork.toml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def indexes(self) -> Path:
        """Embedded index versions."""
        return self.home / "indexes"

    @property
    def models(self) -> Path:
        """Exported models, by digest."""
        return self.home / "models"

    @property
    def caches(self) -> Path:
        """What can be made again: vectors, HTTP bodies."""
        return self.home / "cache"

    @property
    def ledger_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.ledger.url or f"sqlite:///{self.home / 'ledger.sqlite'}"


def load(**overrides: object) -> Settings:
    """Read the settings. Raises ConfigurationError that names each wrong setting."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except (SettingsError, TOMLDecodeError, UnicodeDecodeError) as error:
        # A part given as one variable that is no JSON, or a file that is no TOML.
        where = "" if isinstance(error, SettingsError) else f"{CONFIG_FILE}: "
        raise ConfigurationError(f"{where}{error}") from None


# What git may need from the caller's environment, and nothing else.
_GIT_VARIABLES = (
    "SSH_AUTH_SOCK", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
    "SSL_CERT_FILE", "GIT_SSL_CAINFO",
)  # fmt: skip


def command_environment() -> dict[str, str]:
    """The variables that a subprocess such as git may inherit beyond PATH and HOME."""
    return {name: os.environ[name] for name in _GIT_VARIABLES if name in os.environ}


def quiet_libraries() -> None:
    """Keep libraries from calling home or downloading: set before any of them is imported."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    encodings = _bundled_encodings()
    if encodings is not None:
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(encodings))


@cache
def _bundled_encodings() -> Path | None:
    # llama-index-core carries tiktoken's encodings; found without importing it (1.3 CPU-seconds).
    from importlib.util import find_spec

    spec = find_spec("llama_index.core")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "_static" / "tiktoken_cache"
    return folder if folder.is_dir() else None


def unknown_variables() -> list[str]:
    """`GROUNDWORK_*` variables that name no part: most likely misspelt. `groundwork doctor` lists them."""
    known = {name.upper() for name in Settings.model_fields}
    return sorted(
        name
        for name in os.environ
        if name.startswith("GROUNDWORK_")
        and name.removeprefix("GROUNDWORK_").split("__", 1)[0] not in known
    )


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors():
        path = [str(step) for step in problem["loc"]]
        variable = "GROUNDWORK_" + "__".join(step.upper() for step in path)
        problems.append(f"{variable} ({'.'.join(path)} in {CONFIG_FILE}): {problem['msg']}")
    return "; ".join(problems)
