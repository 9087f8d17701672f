"""What every task gets from the settings: image, tries, resources, secrets, node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from groundwork.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Size:
    """What a task asks for, and may take at most. `gpu` where the settings name a resource for it."""

    cpu: str
    memory: str
    most_memory: str
    gpu: bool = False


SMALL = Size("500m", "1G", "4G")
LARGE = Size("2", "4G", "16G")
EMBEDDING = Size("2", "4G", "16G", gpu=True)


def component(function: Callable[..., Any], settings: Settings) -> Callable[..., Any]:
    """A lightweight component in the project's own image, which has everything: nothing is installed at run time."""
    from kfp import dsl

    made: Callable[..., Any] = dsl.component(
        function, base_image=settings.pipelines.image, install_kfp_package=False
    )
    return made


def dressed(task: Any, settings: Settings, size: Size, *, cached: bool) -> Any:
    """The task with its resources, tries, and what the settings give every task. Results of `cached` tasks are reused by
    Kubeflow where all inputs are the same; that the inputs cover content and code is the pipeline's affair.
    """
    chosen = settings.pipelines
    task.set_cpu_request(size.cpu).set_memory_request(size.memory).set_memory_limit(
        size.most_memory
    )
    task.set_caching_options(enable_caching=cached)
    if chosen.retries:
        task.set_retry(
            num_retries=chosen.retries,
            backoff_duration=f"{chosen.backoff_seconds}s",
            backoff_factor=2.0,
            backoff_max_duration="600s",
        )
    _placed(task, settings, size)
    for name, value in environment(settings).items():
        task.set_env_variable(name, value)
    _secrets(task, settings)
    return task


def environment(settings: Settings) -> dict[str, str]:
    """The variables that every step gets: where shared things are, as whoever compiles the pipeline has them set."""
    shared = {
        "GROUNDWORK_INDEX__URL": settings.index.url,
        "GROUNDWORK_REGISTRY__URL": settings.registry.url,
        "GROUNDWORK_REGISTRY__ARTIFACTS": settings.registry.artifacts,
        "GROUNDWORK_DATA__URL": settings.data.url,
        "GROUNDWORK_PIPELINES__ARTIFACTS": settings.pipelines.artifacts,
        "GROUNDWORK_PIPELINES__GOLDEN": settings.pipelines.golden,
    }
    # A password has no place in a pipeline's text.
    plain = {name: value for name, value in shared.items() if value and "@" not in value}
    return {**plain, **settings.pipelines.env}


def _placed(task: Any, settings: Settings, size: Size) -> None:
    from kfp import kubernetes

    chosen = settings.pipelines
    if not (size.gpu and chosen.gpu):
        return
    task.set_accelerator_type(chosen.gpu).set_accelerator_limit(1)
    for label, value in chosen.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    # Nodes with a GPU keep others away by a taint of that name.
    kubernetes.add_toleration(task, key=chosen.gpu, operator="Exists", effect="NoSchedule")


def _secrets(task: Any, settings: Settings) -> None:
    from kfp import kubernetes

    by_name: dict[str, dict[str, str]] = {}
    for variable, place in settings.pipelines.secrets.items():
        name, _, key = place.partition("/")
        by_name.setdefault(name, {})[key] = variable
    for name, keys in sorted(by_name.items()):
        kubernetes.use_secret_as_env(task, name, keys, optional=True)
