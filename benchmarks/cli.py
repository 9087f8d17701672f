"""How long a person waits for the command: a cold process each time, and what it imports."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.data import ROOT
from benchmarks.process import run
from benchmarks.setup import ingest_folder
from groundwork.core.settings import Settings
from groundwork.retrieval.embed.export import exported

RUNS = 10
QUESTION = "How is the port changed?"
_COMMAND = str(Path(sys.executable).parent / "groundwork")
# Never in a command that answers; the overview does without the second line too.
HEAVY = frozenset(
    {"torch", "transformers", "sentence_transformers", "llama_index", "onnx", "fastapi"}
)
_NOT_FOR_HELP = frozenset(
    {"numpy", "onnxruntime", "qdrant_client", "qdrant_edge", "rich", "sqlalchemy", "tokenizers"}
)  # fmt: skip
_PROBE = """
import contextlib, io, json, sys
from groundwork.cli import cli
from groundwork.cli.run import run
with contextlib.redirect_stdout(io.StringIO()):
    code = run(cli, sys.argv[1:])
# A namespace (llama_index, looked into for its files) has no file: nothing of it has run.
names = {name for name, module in sys.modules.items() if getattr(module, "__file__", None)}
tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
print(json.dumps(sorted(name for name in tops if name[0] != "_")))
sys.exit(code)
"""


def main(settings: Settings, runs: int = RUNS) -> None:
    """Print a Markdown table. Fails where a command imports what it must not."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        _prepare(settings, home)
        rows = [
            _row(["--help"], home, runs, HEAVY | _NOT_FOR_HELP),
            _row(["search", QUESTION, "--index", "docs"], home, runs, HEAVY),
            _row(["ask", QUESTION, "--index", "docs"], home, runs, HEAVY),
        ]
    print(
        f"Medians of {runs} cold processes, byte-compiled; {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the end. None imports what it must not.\n"
    )
    print("| command | s | CPU-s | peak RSS MiB | third-party packages imported |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


def _prepare(settings: Settings, home: Path) -> None:
    """The bundled guides, indexed in a home of their own with the exported model of the other one."""
    exported(settings.embedder.model, settings.models)
    (home / "models").symlink_to(settings.models)
    ingest_folder(settings.model_copy(update={"home": home}), ROOT / "docs", "docs")


def _row(arguments: list[str], home: Path, runs: int, unwanted: frozenset[str]) -> str:
    here = {"GROUNDWORK_HOME": str(home)}
    # The probe writes the byte code of everything that the timed runs import.
    probe = run([sys.executable, "-c", _PROBE, *arguments], home, here)
    imported = json.loads(probe.stdout.splitlines()[-1])
    found = unwanted & set(imported)
    assert not found, f"groundwork {arguments[0]} imports {', '.join(sorted(found))}"
    taken = [run([_COMMAND, *arguments], home, here) for _ in range(runs)]
    wall, cpu, peak = (
        median(getattr(each, name) for each in taken) for name in ("wall", "cpu", "peak_mib")
    )
    packages = ", ".join(name for name in imported if name != "groundwork")
    return f"| `groundwork {arguments[0]}` | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {packages} |"
