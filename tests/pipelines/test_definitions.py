"""Every pipeline compiles to what Kubeflow takes, with tries, caching, resources, nodes and secrets."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from groundwork.core.errors import InvalidInput
from groundwork.core.settings import Settings, load
from groundwork.pipelines.catalogue import PIPELINES, Compiled, arguments, compiled
from groundwork.pipelines.code import code_digest

SETTINGS = load(
    index={"url": "http://qdrant:6333"},
    registry={"url": "postgresql://user:secret@db/mlflow"},
    pipelines={
        "gpu": "nvidia.com/gpu",
        "node_selector": {"pool": "gpu"},
        "image": "registry.example/groundwork@sha256:abc",
        "parallel": 8,
        "env": {"GROUNDWORK_HOME": "/data"},
    },
)


@pytest.fixture(scope="module")
def made() -> dict[str, Compiled]:
    return {name: compiled(name, SETTINGS) for name in PIPELINES}


def tasks(dag: dict[str, Any], spec: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task that runs a container, however deep it is nested."""
    for name, task in dag["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            yield from tasks(component["dag"], spec)
        else:
            yield name, task


def containers(one: Compiled) -> dict[str, dict[str, Any]]:
    executors = one.spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): each["container"] for name, each in executors.items()}


@pytest.mark.parametrize("name", PIPELINES)
def test_it_is_a_valid_pipeline(made: dict[str, Compiled], name: str) -> None:
    one = made[name]
    spec = json_format.ParseDict(dict(one.spec), pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(dict(one.platform), pipeline_spec_pb2.PlatformSpec())
    assert spec.pipeline_info.name == name
    assert spec.sdk_version == "kfp-2.17.0"
    # Components install nothing: the image has everything.
    assert "pip install" not in one.text
    for container in containers(one).values():
        assert container["image"] == "registry.example/groundwork@sha256:abc"


@pytest.mark.parametrize("name", PIPELINES)
def test_every_step_is_tried_again_and_reported_at_the_end(
    made: dict[str, Compiled], name: str
) -> None:
    one = made[name]
    found = dict(tasks(one.spec["root"]["dag"], one.spec))
    assert set(found) >= set(PIPELINES[name].steps) - {"embed", "chunk"}
    for task in found.values():
        assert task["retryPolicy"]["maxRetryCount"] == 2
        assert task["retryPolicy"]["backoffDuration"] == "5s"
        assert task["retryPolicy"]["backoffFactor"] == 2.0
    assert found["report"]["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"


def test_only_steps_whose_inputs_say_everything_are_cached(made: dict[str, Compiled]) -> None:
    cached = {
        name: {
            task
            for task, about in tasks(one.spec["root"]["dag"], one.spec)
            if about.get("cachingOptions", {}).get("enableCache")
        }
        for name, one in made.items()
    }
    assert cached == {
        "ingest": {"chunk", "embed"},
        "nightly-eval": set(),
        "train": {"features", "train"},
        "retrain": {"features", "train"},
    }


def test_shards_run_side_by_side(made: dict[str, Compiled]) -> None:
    assert "parallelismLimit: 8" in made["ingest"].text


def test_embedding_and_training_ask_for_a_gpu_on_its_nodes(made: dict[str, Compiled]) -> None:
    for pipeline, step in (("ingest", "embed"), ("train", "train")):
        resources = containers(made[pipeline])[step]["resources"]
        assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
        assert resources["accelerator"]["resourceCount"] == "1"
        assert resources["resourceMemoryLimit"] == "16G"
        platform = made[pipeline].platform["platforms"]["kubernetes"]["deploymentSpec"]
        node = platform["executors"][f"exec-{step}"]
        assert node["nodeSelector"]["labels"] == {"pool": "gpu"}
        assert node["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "accelerator" not in containers(made["ingest"])["chunk"]["resources"]


def test_secrets_come_from_kubernetes_and_stand_in_no_text(made: dict[str, Compiled]) -> None:
    one = made["ingest"]
    assert "secret@db" not in one.text
    executors = one.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    names = {each["secretName"] for each in executors["exec-build"]["secretAsEnv"]}
    assert names == {"groundwork-ledger", "groundwork-qdrant", "groundwork-pipelines"}
    env = {each["name"]: each["value"] for each in containers(one)["build"]["env"]}
    assert env == {"GROUNDWORK_INDEX__URL": "http://qdrant:6333", "GROUNDWORK_HOME": "/data"}


def test_the_code_is_part_of_the_key(made: dict[str, Compiled]) -> None:
    assert made["ingest"].parameters["code"]["defaultValue"] == code_digest()
    assert made["train"].parameters["code"]["defaultValue"] == code_digest()
    assert len(code_digest()) == 16


def test_without_a_gpu_nothing_asks_for_one() -> None:
    plain: Settings = load()
    assert "accelerator" not in compiled("train", plain).text


def test_arguments_are_read_by_their_types(made: dict[str, Compiled]) -> None:
    given = [
        ("sources", "docs"),
        ("sources", "more"),
        ("shards", "4"),
        ("promote", "false"),
        ("options.site", "hugo"),
        ("options.tags", '["a"]'),
    ]
    assert arguments(made["ingest"], given) == {
        "sources": ["docs", "more"],
        "shards": 4,
        "promote": False,
        "options": {"site": "hugo", "tags": ["a"]},
    }
    assert arguments(made["ingest"], [("sources", '["a", "b"]')]) == {"sources": ["a", "b"]}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([("source", "x")], "no parameter 'source'"),
        ([("sources", "x"), ("shards", "many")], "number integer"),
        ([("sources", "x"), ("shards", "true")], "number integer"),
        ([("sources", "x"), ("promote", "1")], "boolean"),
        ([("sources", "x"), ("options", "[]")], "struct"),
        ([], "needs sources"),
    ],
)
def test_wrong_arguments_are_named(
    made: dict[str, Compiled], given: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        arguments(made["ingest"], given)


@pytest.mark.parametrize("name", PIPELINES)
def test_conditions_are_on_what_kfp_resolves_here(made: dict[str, Compiled], name: str) -> None:
    """Of an output with a name of its own, kfp 2.17 says here that it cannot be resolved, skips the branch, and succeeds."""
    conditions = re.findall(r"parameter_values\['([^']+)'\]", made[name].text)
    assert all(one.endswith("-Output") for one in conditions)
    assert bool(conditions) == (name == "retrain")
