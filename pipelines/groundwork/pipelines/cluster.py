"""The API of Kubeflow Pipelines (v2beta1), as far as runs and schedules need it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from groundwork.core.errors import (
    ConfigurationError,
    Forbidden,
    GroundworkError,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from groundwork.core.settings import Settings
from groundwork.pipelines.catalogue import Compiled

_SECONDS = 30.0
_PAGE = 50
# Six fields, seconds first (github.com/robfig/cron, as Kubeflow's scheduled workflows use it).
_FIELD = re.compile(r"[0-9*/,\-?A-Za-z]+")
_FIELDS = 6
# What a recurring run catches up with after an outage: one run is enough, whatever was missed.
_AT_A_TIME = "1"


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A step of a run there. `state` is Kubeflow's own word; `error` what it says, "" where nothing went wrong."""

    name: str
    state: str
    seconds: float | None
    error: str


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """A run there. Times are UTC ISO 8601."""

    id: str
    name: str
    state: str
    created_at: str
    finished_at: str | None
    error: str
    tasks: tuple[RemoteTask, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it will not go on."""
        return self.state in {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring run. `replaced` counts those of the same name that it took the place of."""

    id: str
    name: str
    cron: str
    enabled: bool
    replaced: int = 0


class Kubeflow:
    """Talks to one API. Every method raises Unavailable where it does not answer, Unauthenticated and Forbidden as it says."""

    def __init__(
        self, url: str, token: str | None, namespace: str | None, root: str | None
    ) -> None:
        from kfp_server_api import (
            ApiClient,
            Configuration,
            ExperimentServiceApi,
            RecurringRunServiceApi,
            RunServiceApi,
        )

        configuration = Configuration(host=url.rstrip("/"))
        if token:
            configuration.api_key["authorization"] = token
            configuration.api_key_prefix["authorization"] = "Bearer"
        self._url, self._namespace, self._root = url, namespace, root
        self._client = ApiClient(configuration)
        self._experiments = ExperimentServiceApi(self._client)
        self._runs = RunServiceApi(self._client)
        self._recurring = RecurringRunServiceApi(self._client)

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def submit(
        self, made: Compiled, arguments: Mapping[str, Any], experiment: str, *, cached: bool = True
    ) -> RemoteRun:
        """Start a run."""
        from kfp_server_api import V2beta1Run

        with self._told("submit a run"):
            run = self._runs.run_service_create_run(
                run=V2beta1Run(
                    experiment_id=self._experiment(experiment),
                    display_name=made.name,
                    pipeline_spec=_body(made, cached=cached),
                    runtime_config=self._config(arguments),
                ),
                _request_timeout=_SECONDS,
            )
        return _run(run)

    def schedule(
        self, made: Compiled, arguments: Mapping[str, Any], experiment: str, cron: str, name: str
    ) -> Schedule:
        """Run it by the clock, in UTC; a schedule of the same name in the experiment is replaced. Raises InvalidInput."""
        from kfp_server_api import (
            RecurringRunMode,
            V2beta1CronSchedule,
            V2beta1RecurringRun,
            V2beta1Trigger,
        )

        checked = checked_cron(cron)
        with self._told("schedule a pipeline"):
            where = self._experiment(experiment)
            former = [one for one in self._scheduled(where) if one.display_name == name]
            made_run = self._recurring.recurring_run_service_create_recurring_run(
                recurring_run=V2beta1RecurringRun(
                    experiment_id=where,
                    display_name=name,
                    mode=RecurringRunMode.ENABLE,
                    max_concurrency=_AT_A_TIME,
                    no_catchup=True,
                    pipeline_spec=_body(made, cached=True),
                    runtime_config=self._config(arguments),
                    trigger=V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron=checked)),
                ),
                _request_timeout=_SECONDS,
            )
            # The old one goes last: a failure in between leaves two, and never none.
            for one in former:
                self._recurring.recurring_run_service_delete_recurring_run(
                    one.recurring_run_id, _request_timeout=_SECONDS
                )
        return Schedule(
            made_run.recurring_run_id, name, checked, enabled=True, replaced=len(former)
        )

    def schedules(self, experiment: str) -> list[Schedule]:
        """All of an experiment."""
        with self._told("list schedules"):
            return [
                Schedule(
                    one.recurring_run_id,
                    one.display_name,
                    one.trigger.cron_schedule.cron if one.trigger.cron_schedule else "",
                    enabled=one.mode == "ENABLE",
                )
                for one in self._scheduled(self._experiment(experiment))
            ]

    def run(self, name: str) -> RemoteRun:
        """One run with its steps. Raises NotFound."""
        with self._told(f"show run {name}"):
            return _run(self._runs.run_service_get_run(name, _request_timeout=_SECONDS))

    def runs(self, experiment: str, limit: int = 20) -> list[RemoteRun]:
        """Newest first, without steps."""
        with self._told("list runs"):
            found = self._runs.run_service_list_runs(
                experiment_id=self._experiment(experiment),
                page_size=limit,
                sort_by="created_at desc",
                _request_timeout=_SECONDS,
            )
        return [_run(one) for one in found.runs or []]

    def _experiment(self, name: str) -> str:
        """Its id; it is made where it is missing."""
        from kfp_server_api import V2beta1Experiment

        token = ""
        while True:
            options = {"namespace": self._namespace} if self._namespace else {}
            page = self._experiments.experiment_service_list_experiments(
                page_size=_PAGE, page_token=token, _request_timeout=_SECONDS, **options
            )
            for one in page.experiments or []:
                if one.display_name == name:
                    return str(one.experiment_id)
            token = page.next_page_token or ""
            if not token:
                break
        made = self._experiments.experiment_service_create_experiment(
            experiment=V2beta1Experiment(display_name=name, namespace=self._namespace),
            _request_timeout=_SECONDS,
        )
        return str(made.experiment_id)

    def _scheduled(self, experiment: str) -> list[Any]:
        found: list[Any] = []
        token = ""
        while True:
            page = self._recurring.recurring_run_service_list_recurring_runs(
                experiment_id=experiment,
                page_size=_PAGE,
                page_token=token,
                _request_timeout=_SECONDS,
            )
            found += page.recurring_runs or []
            token = page.next_page_token or ""
            if not token:
                return found

    def _config(self, arguments: Mapping[str, Any]) -> Any:
        from kfp_server_api import V2beta1RuntimeConfig

        return V2beta1RuntimeConfig(parameters=dict(arguments), pipeline_root=self._root)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What the API says, as this product's errors."""
        from kfp_server_api import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            raise _error(what, int(error.status or 0), _message(error)) from None
        except HTTPError as error:
            raise Unavailable(f"{self._url} does not answer: {error}") from None


def open_cluster(settings: Settings) -> Kubeflow:
    """The API that the settings name. Raises ConfigurationError where they name none."""
    chosen = settings.pipelines
    if chosen.url is None:
        raise ConfigurationError(
            "no cluster is set; give GROUNDWORK_PIPELINES__URL, or run it here: groundwork pipeline run"
        )
    token = chosen.token.get_secret_value() if chosen.token else None
    return Kubeflow(chosen.url, token, chosen.namespace, chosen.root)


def checked_cron(text: str) -> str:
    """Six fields, seconds first. Raises InvalidInput that shows one."""
    fields = text.split()
    if len(fields) != _FIELDS or not all(_FIELD.fullmatch(one) for one in fields):
        raise InvalidInput(
            f"{text!r} is no schedule: Kubeflow's have six fields, seconds first, such as "
            "'0 0 3 * * *' for three in the morning (UTC)",
            field="cron",
        )
    return " ".join(fields)


def _body(made: Compiled, *, cached: bool) -> dict[str, Any]:
    spec = dict(made.spec)
    if not cached:
        spec = orjson.loads(orjson.dumps(spec))
        _uncached(spec)
    if not made.platform:
        return spec
    return {"pipeline_spec": spec, "platform_spec": dict(made.platform)}


def _uncached(value: Any) -> None:
    """Every task anew."""
    if isinstance(value, list):
        for one in value:
            _uncached(one)
    elif isinstance(value, dict):
        value.pop("cachingOptions", None)
        for one in value.values():
            _uncached(one)


def _run(run: Any) -> RemoteRun:
    details = run.run_details.task_details if run.run_details else None
    return RemoteRun(
        id=str(run.run_id),
        name=str(run.display_name),
        state=str(run.state or "PENDING"),
        created_at=_time(run.created_at) or "",
        finished_at=_time(run.finished_at),
        error=run.error.message if run.error else "",
        tasks=tuple(_task(one) for one in details or []),
    )


def _task(task: Any) -> RemoteTask:
    began, ended = task.start_time, task.end_time
    whole = began is not None and ended is not None and ended >= began
    return RemoteTask(
        name=str(task.display_name),
        state=str(task.state or "PENDING"),
        seconds=(ended - began).total_seconds() if whole else None,
        error=task.error.message if task.error else "",
    )


def _time(value: Any) -> str | None:
    # Kubeflow says 1970 where it means never.
    if value is None or value.year <= 1970:
        return None
    return str(value.isoformat().replace("+00:00", "Z"))


def _message(error: Any) -> str:
    try:
        said = orjson.loads(error.body)
        return str(said.get("message") or said.get("error") or error.reason)
    except (ValueError, TypeError, AttributeError):
        return str(error.reason)


def _error(what: str, status: int, message: str) -> GroundworkError:
    text = f"Kubeflow would not {what}: {message}"
    kinds: dict[int, type[GroundworkError]] = {
        400: InvalidInput,
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
    }
    kind = kinds.get(status)
    if kind is None:
        kind = Unavailable if status >= 500 or not status else GroundworkError
    return kind(text)
