"""deploy/vllm: one set of settings, and a manifest whose parts find each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "vllm"


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    return {each["kind"]: each for each in loaded}


@pytest.fixture(scope="module")
def container(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_a_pod_has_the_settings_of_serve_yaml(objects: dict[str, dict[str, Any]]) -> None:
    file = yaml.safe_load((FOLDER / "serve.yaml").read_text())
    mounted = yaml.safe_load(objects["ConfigMap"]["data"]["serve.yaml"])
    # On a machine of its own it listens on loopback; in a pod, probes and the service have to reach it.
    assert (file.pop("host"), mounted.pop("host")) == ("127.0.0.1", "0.0.0.0")  # noqa: S104  # a file is read, nothing binds
    assert mounted == file


def test_selectors_and_references_meet(
    objects: dict[str, dict[str, Any]], container: dict[str, Any]
) -> None:
    deployment = objects["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert objects["Service"]["spec"]["selector"].items() <= labels.items()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    target = objects["Service"]["spec"]["ports"][0]["targetPort"]
    settings = yaml.safe_load(objects["ConfigMap"]["data"]["serve.yaml"])
    assert ports[target] == settings["port"]
    volumes = {volume["name"]: volume for volume in deployment["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == objects["PersistentVolumeClaim"]["metadata"]["name"]


def test_loading_has_time_and_rollouts_wait_for_it(
    objects: dict[str, dict[str, Any]], container: dict[str, Any]
) -> None:
    probe = container["startupProbe"]
    loading = probe["periodSeconds"] * probe["failureThreshold"]
    assert loading >= 1200
    assert objects["Deployment"]["spec"]["progressDeadlineSeconds"] > loading


def test_answers_in_flight_can_end(objects: dict[str, dict[str, Any]]) -> None:
    settings = yaml.safe_load(objects["ConfigMap"]["data"]["serve.yaml"])
    grace = objects["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > settings["shutdown-timeout"]


def test_no_service_is_named_vllm(objects: dict[str, dict[str, Any]]) -> None:
    # The cluster would hand pods VLLM_PORT=tcp://..., which vLLM reads as a port number.
    assert objects["Service"]["metadata"]["name"] != "vllm"
