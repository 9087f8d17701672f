"""Pages about pumps, in a home of their own, for tests that ingest them by the settings of the environment."""

from pathlib import Path

import pytest


def pump_pages(home: Path, monkeypatch: pytest.MonkeyPatch, count: int, **settings: str) -> Path:
    """A folder of `count` pages; the working folder and GROUNDWORK_HOME are beside it. `settings` by their variables' names."""
    names = {
        "HOME": str(home / "home"),
        "EMBEDDER__ENGINE": "hashing",
        "REGISTRY__REGISTER_LIVE": "false",
        **settings,
    }
    for name, value in names.items():
        monkeypatch.setenv(f"GROUNDWORK_{name}", value)
    monkeypatch.chdir(home)
    folder = home / "pages"
    folder.mkdir()
    for n in range(count):
        (folder / f"p{n}.md").write_text(f"# Pump {n}\n\nThe limit of pump {n} is {n}.\n")
    return folder
