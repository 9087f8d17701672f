"""An exported model travels: a folder is enough to embed with, to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.core.errors import Conflict
from groundwork.core.settings import EmbedderSettings, Settings
from groundwork.retrieval.embed.factory import create_embedder


def test_an_exported_folder_embeds_as_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_HOME", str(tmp_path / "home"))
    out = tmp_path / "image" / "model"
    result = CliRunner().invoke(cli, ["models", "export", str(out), "--json"])
    assert result.exit_code == 0, result.output
    own = create_embedder(Settings(home=tmp_path / "home"))
    carried = create_embedder(
        Settings(home=tmp_path / "elsewhere", embedder=EmbedderSettings(model=str(out)))
    )
    assert carried.identity == own.identity
    assert np.array_equal(carried.embed(["a port"]), own.embed(["a port"]))
    assert not (tmp_path / "elsewhere").exists()
    again = CliRunner().invoke(cli, ["models", "export", str(out)])
    assert isinstance(again.exception, Conflict)
