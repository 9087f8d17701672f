"""The manifests: they build, fit the schemas, keep the rules of a careful cluster, and name only what the code has."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from groundwork.cli import cli
from groundwork.core.metering.database import CONNECTIONS
from groundwork.core.settings import Settings
from tests.deploy.image_files import ROLES, stages
from tests.deploy.manifests import (
    DEPLOY,
    OVERLAYS,
    built,
    containers,
    of_kind,
    pods,
    settings_of,
)

VERSIONS = ("1.37.0", "1.36.0")
CUSTOM = {
    tuple(path.stem.rsplit("_", 2)): yaml.safe_load(path.read_text())
    for path in (DEPLOY / "crds").glob("*.yaml")
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_fits_its_schema(overlay: str) -> None:
    for each in built(overlay):
        group, _, version = each["apiVersion"].rpartition("/")
        custom = CUSTOM.get((group, version, each["kind"]))
        if custom is not None:
            jsonschema.validate(each, custom)
            continue
        for kubernetes in VERSIONS:
            kubernetes_validate.validate(each, kubernetes, strict=True)


def test_a_misspelt_field_of_a_custom_resource_is_found() -> None:
    (scaled, *_) = of_kind("prod", "ScaledObject")
    wrong = {**scaled, "spec": {**scaled["spec"], "minReplicas": 1}}
    with pytest.raises(jsonschema.ValidationError, match="minReplicas"):
        jsonschema.validate(wrong, CUSTOM["keda.sh", "v1alpha1", "ScaledObject"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_no_rights_that_they_do_not_need(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in spec.get("volumes", ())), name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert spec["securityContext"].get("runAsNonRoot") is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
    for name, container in containers(overlay):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert context.get("readOnlyRootFilesystem") is True, name
        assert not context.get("privileged"), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_have_limits_probes_and_pinned_images(overlay: str) -> None:
    jobs = {each["metadata"]["name"] for each in of_kind(overlay, "Job")}
    for name, container in containers(overlay):
        resources = container["resources"]
        assert {"cpu", "memory"} <= resources["requests"].keys(), name
        assert "memory" in resources["limits"], name
        image = container["image"]
        tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
        assert tag, f"{name}: {image} has no tag"
        assert tag != "latest", name
        if name.split("/")[1] in jobs:
            continue
        assert {"livenessProbe", "readinessProbe"} <= container.keys(), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_behind_policies_that_start_from_nothing(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    deny = [
        each
        for each in policies
        if each["spec"]["podSelector"] == {} and "egress" not in each["spec"]
    ]
    assert [sorted(each["spec"]["policyTypes"]) for each in deny] == [["Egress", "Ingress"]]
    for name, pod in pods(overlay):
        labels = pod["metadata"]["labels"]
        own = [
            each
            for each in policies
            if each["spec"]["podSelector"].get("matchLabels")
            and each["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        ]
        assert own, f"{name} has no policy of its own"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_policies_lead_to_pods_and_ports_that_exist(overlay: str) -> None:
    known = [pod["metadata"]["labels"] for _, pod in pods(overlay)]
    known += [each["spec"]["inheritedMetadata"]["labels"] for each in of_kind(overlay, "Cluster")]
    absent = {"vllm-engine"} if overlay == "dev" else set()
    for policy in of_kind(overlay, "NetworkPolicy"):
        rules = [*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ())]
        for peer in [one for rule in rules for one in (*rule.get("from", ()), *rule.get("to", ()))]:
            labels = peer.get("podSelector", {}).get("matchLabels")
            if labels and labels.get("app.kubernetes.io/name") not in absent:
                assert any(labels.items() <= each.items() for each in known), (policy, labels)


def test_nothing_reaches_metadata_services() -> None:
    for overlay in OVERLAYS:
        for policy in of_kind(overlay, "NetworkPolicy"):
            for rule in policy["spec"].get("egress", ()):
                for peer in rule.get("to", ()):
                    if block := peer.get("ipBlock"):
                        inside = ipaddress.ip_address("169.254.169.254")
                        assert any(inside in ipaddress.ip_network(one) for one in block["except"])


def _names(overlay: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in built(overlay):
        found.setdefault(each["kind"], set()).add(each["metadata"]["name"])
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_and_scalers_find_what_they_select(overlay: str) -> None:
    names = _names(overlay)
    labels = [pod["metadata"]["labels"] for _, pod in pods(overlay)]
    for service in of_kind(overlay, "Service"):
        selector = service["spec"]["selector"].items()
        assert any(selector <= each.items() for each in labels), service["metadata"]["name"]
    for scaled in of_kind(overlay, "ScaledObject"):
        target = scaled["spec"]["scaleTargetRef"]
        assert target["name"] in names[target["kind"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_refer_to_is_there(overlay: str) -> None:
    names = _names(overlay)
    for name, pod in pods(overlay):
        spec = pod["spec"]
        assert spec.get("serviceAccountName", "") in {"", *names["ServiceAccount"]}, name
        volumes = spec.get("volumes", ())
        claims = {
            one["persistentVolumeClaim"]["claimName"]
            for one in volumes
            if "persistentVolumeClaim" in one
        }
        configs = {one["configMap"]["name"] for one in volumes if "configMap" in one}
        for container in spec["containers"]:
            configs |= {one["configMapRef"]["name"] for one in container.get("envFrom", ())}
        assert claims <= names.get("PersistentVolumeClaim", set()), name
        assert configs <= names["ConfigMap"], name


def _secrets(overlay: str) -> set[tuple[str, str]]:
    """(secret, key) that containers cannot start without."""
    found = set()
    for _, container in containers(overlay):
        for variable in container.get("env", ()):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                found.add((reference["name"], reference["key"]))
    return found


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_needed_secrets_come_from_outside(overlay: str) -> None:
    given = {
        (each["spec"]["target"]["name"], item["secretKey"])
        for each in of_kind(overlay, "ExternalSecret")
        for item in each["spec"]["data"]
    }
    assert _secrets(overlay) <= given
    assert not of_kind(overlay, "Secret")


def test_secrets_that_are_made_by_hand_stand_in_the_guide() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text()
    for name, key in _secrets("dev"):
        assert f"generic {name} " in guide
        assert f"--from-literal={key}=" in guide


def _known_variables() -> set[str]:
    known = set()

    def walk(model: Any, prefix: str) -> None:
        for name, info in model.model_fields.items():
            full = f"{prefix}{name.upper()}"
            if hasattr(info.annotation, "model_fields"):
                walk(info.annotation, f"{full}__")
            else:
                known.add(full)

    walk(Settings, "GROUNDWORK_")
    return known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_variables_exist(overlay: str) -> None:
    known = _known_variables()
    named = {name for name in settings_of(overlay) if name.startswith("GROUNDWORK_")}
    for _, container in containers(overlay):
        named |= {
            one["name"] for one in container.get("env", ()) if one["name"].startswith("GROUNDWORK_")
        }
    for stage in stages().values():
        named |= {name for name in stage.env if name.startswith("GROUNDWORK_")}
    assert named <= known, named - known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_accepted(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of(overlay).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GROUNDWORK_LEDGER__URL", "postgresql://groundwork@postgres/groundwork")
    found = Settings()
    assert found.index.url == "http://qdrant:6333"
    assert str(found.home) == "/data"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_commands_exist(overlay: str) -> None:
    for name, container in containers(overlay):
        arguments = container.get("args", [])
        if arguments[:1] != ["groundwork"]:
            continue
        words = [one for one in arguments[1:] if not one.startswith("-")]
        options = [one.partition("=")[0] for one in arguments if one.startswith("--")]
        path = [words[0]]
        if words[0] == "pipeline":
            path.append(words[1])
        shown = CliRunner().invoke(cli, [*path, "--help"])
        assert shown.exit_code == 0, (name, shown.output)
        for option in options:
            assert option in shown.output, (name, option)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_and_paths_are_those_of_the_service(overlay: str) -> None:
    from groundwork.serving.app import create_app

    paths = set(create_app(Settings()).openapi()["paths"]) | {"/metrics"}
    port = Settings().service.port
    for name, container in containers(overlay):
        if not name.endswith("/groundwork"):
            continue
        assert [one["containerPort"] for one in container["ports"]] == [port]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["path"] in paths
    for monitor in of_kind(overlay, "ServiceMonitor"):
        if monitor["metadata"]["name"] == "groundwork":
            assert monitor["spec"]["endpoints"][0]["path"] in paths


def test_images_are_those_that_are_built() -> None:
    built_here = {f"groundwork-{role}" for role in ROLES}
    for overlay in OVERLAYS:
        for name, container in containers(overlay):
            image = container["image"].rpartition(":")[0].rpartition("/")
            if "groundwork" in image[0]:
                assert f"groundwork-{image[2]}" in built_here, name


def test_scaling_asks_for_metrics_that_exist() -> None:
    from groundwork.core.monitoring.metrics import Metrics

    exposed = Metrics().exposition().decode()
    for scaled in of_kind("prod", "ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            for metric in re.findall(r"groundwork_\w+", trigger["metadata"]["query"]):
                assert metric in exposed


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_database_has_connections_for_every_replica(overlay: str) -> None:
    (service,) = (one for one in of_kind(overlay, "StatefulSet") if _name(one) == "groundwork")
    scaled = [one["spec"] for one in of_kind(overlay, "ScaledObject") if _name(one) == "groundwork"]
    most = max([service["spec"]["replicas"], *(each["maxReplicaCount"] for each in scaled)])
    said = [one["spec"]["postgresql"]["parameters"] for one in of_kind(overlay, "Cluster")]
    if not said:
        (server,) = (one for where, one in containers(overlay) if one["name"] == "postgres")
        said = [dict(part.split("=") for part in server["args"] if "=" in part)]
    # MLflow, the Slack app and a job have theirs.
    assert int(said[0]["max_connections"]) >= (most + 2) * CONNECTIONS


def _name(one: dict[str, Any]) -> str:
    return str(one["metadata"]["name"])
