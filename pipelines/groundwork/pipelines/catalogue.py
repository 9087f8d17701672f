"""The pipelines that there are, how one is built, and what arguments it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import InvalidInput
from groundwork.core.settings import Settings
from groundwork.pipelines.code import code_digest


@dataclass(frozen=True, slots=True)
class Definition:
    """A pipeline: where the function of settings and code that builds it is, what it is for, and its steps in their order."""

    name: str
    at: str
    purpose: str
    steps: tuple[str, ...]


_AT = "groundwork.pipelines.definitions"
_TRAIN = ("data", "features", "train", "evaluate", "gate", "register")
PIPELINES: Mapping[str, Definition] = {
    one.name: one
    for one in (
        Definition(
            "ingest",
            f"{_AT}.ingest:pipeline",
            "Bring an index up to date with its sources, in shards.",
            ("discover", "plan", "chunk", "embed", "build", "evaluate", "promote", "report"),
        ),
        Definition(
            "nightly-eval",
            f"{_AT}.nightly:pipeline",
            "Measure the assistant on a golden set, and put the run before the gate.",
            ("evaluate", "report"),
        ),
        Definition(
            "train",
            f"{_AT}.train:train_pipeline",
            "Train ocr, recommender or injection, and put it before the gate.",
            (*_TRAIN, "report"),
        ),
        Definition(
            "retrain",
            f"{_AT}.train:retrain_pipeline",
            "Make anew what is due: a model, or an index.",
            ("decide", *_TRAIN, "conclude", "report"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline as Kubeflow's intermediate representation. `platform` holds what only Kubernetes understands."""

    name: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]
    text: str

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """What it takes, by name: `parameterType`, and `defaultValue` where it can be left out."""
        found: Mapping[str, Mapping[str, Any]] = (
            self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        )
        return found


def definition(name: str) -> Definition:
    """Raises InvalidInput that lists what there is."""
    if name not in PIPELINES:
        raise InvalidInput(
            f"there is no pipeline {name!r}; there is {', '.join(PIPELINES)}", field="name"
        )
    return PIPELINES[name]


def build(name: str, settings: Settings) -> Any:
    """The pipeline as kfp runs it."""
    module, _, function = definition(name).at.partition(":")
    return getattr(import_module(module), function)(settings, code_digest())


def compiled(name: str, settings: Settings) -> Compiled:
    """The pipeline as a cluster takes it."""
    import yaml
    from kfp import compiler

    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / f"{name}.yaml"
        compiler.Compiler().compile(build(name, settings), str(path))
        text = path.read_text(encoding="utf-8")
    spec, *platform = yaml.safe_load_all(text)
    return Compiled(name, spec, platform[0] if platform else {}, text)


def arguments(made: Compiled, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Typed arguments from text. `name=value`; a list's name may come several times, and `name.key=value` sets one entry.

    Raises InvalidInput for a name that the pipeline has not, a value of another type, and one that is missing.
    """
    found: dict[str, Any] = {}
    for name, value in given:
        whole, _, key = name.partition(".")
        about = made.parameters.get(whole)
        if about is None:
            raise InvalidInput(
                f"pipeline {made.name} has no parameter {whole!r}; it has {', '.join(made.parameters)}",
                field="param",
            )
        kind = str(about["parameterType"])
        if key:
            found.setdefault(whole, {})[key] = _loosely(value)
        elif kind == "LIST" and not value.startswith("["):
            found.setdefault(whole, []).append(value)
        else:
            found[whole] = _typed(whole, kind, value)
    missing = [
        name
        for name, about in made.parameters.items()
        if name not in found and "defaultValue" not in about and not about.get("isOptional")
    ]
    if missing:
        raise InvalidInput(
            f"pipeline {made.name} needs {', '.join(missing)}; give --param {missing[0]}=VALUE",
            field="param",
        )
    return found


def _typed(name: str, kind: str, value: str) -> Any:
    if kind == "STRING":
        return value
    try:
        parsed = orjson.loads(value)
    except ValueError:
        parsed = None
    wanted: tuple[type, ...] = {
        "NUMBER_INTEGER": (int,),
        "NUMBER_DOUBLE": (int, float),
        "BOOLEAN": (bool,),
        "LIST": (list,),
        "STRUCT": (dict,),
    }[kind]
    if not isinstance(parsed, wanted) or (isinstance(parsed, bool) and kind != "BOOLEAN"):
        raise InvalidInput(
            f"{name} is {kind.lower().replace('_', ' ')}, and {value!r} is none", field="param"
        )
    return parsed


def _loosely(value: str) -> Any:
    """An entry of a struct has no declared type: JSON where it is a list, else text."""
    return orjson.loads(value) if value.startswith("[") else value
