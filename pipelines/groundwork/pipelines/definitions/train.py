"""The pipelines `train` and `retrain`: data, features, train, evaluate, gate, register; and what decides about it."""

from typing import Any

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Model, Output

from groundwork.core.settings import Settings
from groundwork.pipelines.definitions.dress import EMBEDDING, LARGE, SMALL, component, dressed
from groundwork.pipelines.definitions.exits import exit_task


def job(kind: str, name: str, data: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """What is trained, with the trainer's defaults."""
    from groundwork.pipelines.steps import train

    return train.describe(kind, name, data, seed, options)


def data(job: dict[str, Any], version: Output[Dataset]) -> str:
    """The data's version."""
    from groundwork.pipelines.steps import train

    return train.data(job, version.path)


def features(job: dict[str, Any], digest: str, code: str, prepared: Output[Dataset]) -> None:
    """What training and evaluation read. Its key: the job, the digest of the data, and that of the code."""
    from groundwork.pipelines.steps import train

    prepared.metadata.update({"data": digest, "code": code})
    train.features(job, prepared.path)


def train(job: dict[str, Any], prepared: Input[Dataset], model: Output[Model]) -> None:
    """The release's files."""
    from groundwork.pipelines.steps import train

    train.train(job, prepared.path, model.path)


def evaluate(
    job: dict[str, Any],
    prepared: Input[Dataset],
    model: Input[Model],
    evaluated: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Candidate and champion on the same examples."""
    from groundwork.pipelines.steps import train

    figures: dict[str, float] = {}
    train.evaluate(job, prepared.path, model.path, evaluated.path, figures)
    metrics.metadata.update(figures)


def gate(job: dict[str, Any], evaluated: Input[Artifact], report: Output[HTML]) -> str:
    """Why not, or nothing."""
    from groundwork.pipelines.steps import train

    return train.gate(job, evaluated.path, report.path)


def register(
    job: dict[str, Any],
    version: Input[Dataset],
    prepared: Input[Dataset],
    model: Input[Model],
    evaluated: Input[Artifact],
) -> dict[str, Any]:
    """The release, champion where the gate passed it."""
    from groundwork.pipelines.steps import train

    return train.register(job, version.path, prepared.path, model.path, evaluated.path)


def decide(line: str, reason: str) -> dict[str, Any]:
    """What is to be made anew, if anything."""
    from groundwork.pipelines.steps import retrain

    return retrain.decide(line, reason)


def which(decided: dict[str, Any]) -> str:
    """train, ingest or nothing."""
    from groundwork.pipelines.steps import retrain

    return retrain.which(decided)


def refresh(job: dict[str, Any]) -> dict[str, Any]:
    """An index brought up to date."""
    from groundwork.pipelines.steps import retrain

    return retrain.refresh(job)


def conclude(job: dict[str, Any], result: dict[str, Any]) -> str:
    """The desk is told."""
    from groundwork.pipelines.steps import retrain

    return retrain.conclude(job, result)


def _steps(settings: Settings, job: Any, code: Any) -> Any:
    """The six steps, and the last one's task."""
    make = {
        one.__name__: component(one, settings)
        for one in (data, features, train, evaluate, gate, register)
    }
    versioned = make["data"](job=job)
    # Whatever is there now, and whoever is champion now: never taken from a former run.
    dressed(versioned, settings, LARGE, cached=False)
    prepared = make["features"](job=job, digest=versioned.outputs["Output"], code=code)
    dressed(prepared, settings, LARGE, cached=True)
    known = prepared.outputs["prepared"]
    trained = make["train"](job=job, prepared=known)
    dressed(trained, settings, EMBEDDING, cached=True)
    measured = make["evaluate"](job=job, prepared=known, model=trained.outputs["model"])
    dressed(measured, settings, LARGE, cached=False)
    judged = make["gate"](job=job, evaluated=measured.outputs["evaluated"])
    dressed(judged, settings, SMALL, cached=False)
    registered = make["register"](
        job=job,
        version=versioned.outputs["version"],
        prepared=known,
        model=trained.outputs["model"],
        evaluated=measured.outputs["evaluated"],
    ).after(judged)
    return dressed(registered, settings, LARGE, cached=False)


def train_pipeline(settings: Settings, code: str) -> Any:
    """Trains one model."""
    describe = component(job, settings)

    def train(
        kind: str,
        data: str = "",
        name: str = "",
        seed: int = 7,
        options: dict[str, Any] = {},  # noqa: B006  kfp reads it as the default
        code: str = code,
    ) -> None:
        with dsl.ExitHandler(exit_task(settings, "train")):
            what = describe(kind=kind, name=name, data=data, seed=seed, options=options)
            dressed(what, settings, SMALL, cached=False)
            _steps(settings, what.output, code)

    named = dsl.pipeline(
        name="train",
        description="Train ocr, recommender or injection, and put it before the gate.",
    )
    return named(train)


def retrain_pipeline(settings: Settings, code: str) -> Any:
    """Decides, then does it."""
    make = {one.__name__: component(one, settings) for one in (decide, which, refresh, conclude)}

    def retrain(line: str = "", reason: str = "", code: str = code) -> None:
        with dsl.ExitHandler(exit_task(settings, "retrain")):
            decided = make["decide"](line=line, reason=reason)
            dressed(decided, settings, SMALL, cached=False)
            todo = decided.output
            what = make["which"](decided=todo)
            dressed(what, settings, SMALL, cached=False)
            with dsl.If(what.output == "train"):
                registered = _steps(settings, todo, code)
                told = make["conclude"](job=todo, result=registered.output)
                dressed(told, settings, SMALL, cached=False)
            with dsl.If(what.output == "ingest"):
                fresh = make["refresh"](job=todo)
                dressed(fresh, settings, EMBEDDING, cached=False)
                said = make["conclude"](job=todo, result=fresh.output)
                dressed(said, settings, SMALL, cached=False)

    named = dsl.pipeline(
        name="retrain",
        description="Make anew what the retraining desk says is due: a model, or an index.",
    )
    return named(retrain)
