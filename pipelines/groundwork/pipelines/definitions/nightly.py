"""The pipeline `nightly-eval`: the golden set put to what answers, and the run before the gate."""

from typing import Any

from kfp import dsl
from kfp.dsl import HTML, Metrics, Output

from groundwork.core.settings import Settings
from groundwork.pipelines.definitions.dress import LARGE, component, dressed
from groundwork.pipelines.definitions.exits import exit_task


def evaluate(
    index: str, golden: str, suite: str, report: Output[HTML], metrics: Output[Metrics]
) -> str:
    """Why the gate says no, or nothing."""
    from groundwork.pipelines.steps import evaluate

    figures: dict[str, float] = {}
    told = evaluate.nightly(index, golden, suite, report.path, figures)
    metrics.metadata.update(figures)
    return told["refusal"] or ""


def pipeline(settings: Settings, code: str) -> Any:
    """One step. `code` has no say, since nothing is kept from a former run."""
    del code
    make = component(evaluate, settings)

    def nightly_eval(
        index: str = settings.index.default, golden: str = "", suite: str = "nightly"
    ) -> None:
        with dsl.ExitHandler(exit_task(settings, "nightly-eval")):
            task = make(index=index, golden=golden, suite=suite)
            dressed(task, settings, LARGE, cached=False)

    named = dsl.pipeline(
        name="nightly-eval",
        description="Measure the assistant on a golden set, and put the run before the gate.",
    )
    return named(nightly_eval)
