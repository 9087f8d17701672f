"""What runs at the end of every pipeline, whatever happened before."""

from typing import Any

from kfp.dsl import PipelineTaskFinalStatus

from groundwork.core.settings import Settings
from groundwork.pipelines.definitions.dress import SMALL, component, dressed


def report(pipeline: str, status: PipelineTaskFinalStatus) -> None:
    """A failure is reported."""
    from groundwork.pipelines.steps import ending

    ending.report(pipeline, status.state, status.pipeline_job_resource_name, status.error_message)


def exit_task(settings: Settings, pipeline: str) -> Any:
    """Says in the log and to the webhook that a run failed."""
    task = component(report, settings)(pipeline=pipeline)
    return dressed(task, settings, SMALL, cached=False)
