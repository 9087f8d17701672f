"""The only reader of the environment.

Settings come from `GROUNDWORK_*` variables (nested with a double underscore), then from `groundwork.toml` in the
working directory, then from the defaults here. A wrong value stops the start with the name of the setting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tomllib import TOMLDecodeError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from groundwork.core.errors import ConfigurationError
from groundwork.core.settings.canary import CanarySettings
from groundwork.core.settings.costs import CostsSettings
from groundwork.core.settings.data import DataSettings
from groundwork.core.settings.evaluation import JudgeSettings
from groundwork.core.settings.generation import (
    CacheSettings,
    ConversationSettings,
    EngineSettings,
    GeneratorSettings,
)
from groundwork.core.settings.index import (
    EmbedderSettings,
    IndexSettings,
    IngestSettings,
    RetrievalSettings,
)
from groundwork.core.settings.ledger import LedgerSettings, LimitsSettings
from groundwork.core.settings.monitoring import MonitoringSettings
from groundwork.core.settings.ocr import OcrSettings
from groundwork.core.settings.pipelines import PipelinesSettings, run_environment
from groundwork.core.settings.rails import RailsSettings
from groundwork.core.settings.recommender import RecommenderSettings
from groundwork.core.settings.registry import RegistrySettings
from groundwork.core.settings.semconv import semconv_opt_in
from groundwork.core.settings.service import ServiceSettings, TelemetrySettings
from groundwork.core.settings.slack import SlackChannel, SlackSettings

__all__ = [
    "CONFIG_FILE",
    "CacheSettings",
    "CanarySettings",
    "ConversationSettings",
    "CostsSettings",
    "DataSettings",
    "EmbedderSettings",
    "EngineSettings",
    "GeneratorSettings",
    "IndexSettings",
    "IngestSettings",
    "JudgeSettings",
    "LedgerSettings",
    "LimitsSettings",
    "MonitoringSettings",
    "OcrSettings",
    "PipelinesSettings",
    "RailsSettings",
    "RecommenderSettings",
    "RegistrySettings",
    "RetrievalSettings",
    "ServiceSettings",
    "Settings",
    "SlackChannel",
    "SlackSettings",
    "TelemetrySettings",
    "command_environment",
    "environment_kept",
    "load",
    "quiet_libraries",
    "run_environment",
    "semconv_opt_in",
    "unknown_variables",
]

CONFIG_FILE = "groundwork.toml"


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
    conversation: ConversationSettings = ConversationSettings()
    cache: CacheSettings = CacheSettings()
    ingest: IngestSettings = IngestSettings()
    rails: RailsSettings = RailsSettings()
    recommender: RecommenderSettings = RecommenderSettings()
    registry: RegistrySettings = RegistrySettings()
    service: ServiceSettings = ServiceSettings()
    ledger: LedgerSettings = LedgerSettings()
    limits: LimitsSettings = LimitsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    costs: CostsSettings = CostsSettings()
    judge: JudgeSettings = JudgeSettings()
    canary: CanarySettings = CanarySettings()
    slack: SlackSettings = SlackSettings()
    ocr: OcrSettings = OcrSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    data: DataSettings = DataSettings()
    pipelines: PipelinesSettings = PipelinesSettings()

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

    @property
    def data_url(self) -> str:
        """Where versions of datasets are kept."""
        return self.data.url or str(self.home / "data")

    @property
    def artifacts_url(self) -> str:
        """Where steps of pipelines leave what the next ones need."""
        return self.pipelines.artifacts or str(self.home / "pipelines" / "artifacts")


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
    # ragas understands this word only: "1" would leave its telemetry on.
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    # guardrails-ai imports litellm, which would fetch its list of prices.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # MLflow counts its users, and its server runs jobs that nobody asked for, at a gigabyte.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Standard output is for what a command prints.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # It would try for four minutes; whoever follows a registry comes again anyway.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    encodings = _bundled_encodings()
    if encodings is not None:
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(encodings))


@cache
def _bundled_encodings() -> Path | None:
    # llama-index-core carries tiktoken's encodings; found without importing it (1.3 CPU-seconds).
    from importlib.util import find_spec

    try:
        spec = find_spec("llama_index.core")
    except ModuleNotFoundError:
        # An image without it has the encodings elsewhere, and TIKTOKEN_CACHE_DIR says where.
        return None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "_static" / "tiktoken_cache"
    return folder if folder.is_dir() else None


@contextmanager
def environment_kept() -> Iterator[None]:
    """For imports of libraries that set variables for the whole process: what they set goes when the block ends."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


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
