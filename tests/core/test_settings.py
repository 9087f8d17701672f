from pathlib import Path

import pytest

from groundwork.core.errors import ConfigurationError
from groundwork.core.settings import CONFIG_FILE, load, unknown_variables


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load()
    assert settings.home == tmp_path / ".groundwork"
    assert settings.service.port == 8080
    assert settings.ledger_url == f"sqlite:///{tmp_path}/.groundwork/ledger.sqlite"


def test_nested_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROUNDWORK_HOME", "state")
    monkeypatch.setenv("GROUNDWORK_SERVICE__PORT", "9000")
    monkeypatch.setenv("GROUNDWORK_INDEX__API_KEY", "opensesame")
    settings = load()
    assert settings.home == tmp_path / "state"
    assert settings.service.port == 9000
    assert settings.index.api_key is not None
    assert "opensesame" not in repr(settings)


def test_the_file_and_what_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(CONFIG_FILE).write_text(
        "[service]\nport = 9000\nhost = '::1'\n[retrieval]\npassages = 3\n"
    )
    assert load().service.port == 9000
    monkeypatch.setenv("GROUNDWORK_SERVICE__PORT", "9100")
    settings = load()
    assert (settings.service.port, settings.service.host) == (9100, "::1")
    assert settings.retrieval.passages == 3
    assert load(service={"port": 1}).service.port == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GROUNDWORK_SERVICE__PORT", "eighty"),
        ("GROUNDWORK_SERVICE__PORT", "70000"),
        ("GROUNDWORK_INGEST__MAX_FAILED_SHARE", "1.5"),
        ("GROUNDWORK_EMBEDDER__ENGINE", "magic"),
        ("GROUNDWORK_SERVICE__PROT", "80"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert name in caught.value.detail
    assert caught.value.exit_code == 2


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_SERVICE__PORT", "x")
    monkeypatch.setenv("GROUNDWORK_RETRIEVAL__PASSAGES", "0")
    with pytest.raises(
        ConfigurationError, match=r"(?s)RETRIEVAL__PASSAGES.*SERVICE__PORT|SERVICE__PORT.*PASSAGES"
    ):
        load()


def test_a_wrong_value_in_the_file_names_the_key() -> None:
    Path(CONFIG_FILE).write_text("[index]\nkeep_versions = 0\n")
    with pytest.raises(ConfigurationError, match=r"index\.keep_versions in groundwork\.toml"):
        load()


@pytest.mark.parametrize("content", [b"[service\nport = 1\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_named(content: bytes) -> None:
    Path(CONFIG_FILE).write_bytes(content)
    with pytest.raises(ConfigurationError, match=CONFIG_FILE):
        load()


def test_a_part_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_INDEX", "docs")
    with pytest.raises(ConfigurationError, match="index"):
        load()


def test_misspelt_parts_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_SERVCE__PORT", "1")
    monkeypatch.setenv("GROUNDWORK_SERVICE__PORT", "1")
    assert unknown_variables() == ["GROUNDWORK_SERVCE__PORT"]
