"""What the Helm chart makes: by Helm's own linter, by Kubernetes' schemas, and by what no schema says.

Needs Helm on the path; `make check-deploy` runs it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import kubernetes_validate
import pytest
import yaml

from goodstanding.portal.settings import PortalSettings
from services.ingest.settings import IngestSettings
from services.retention.settings import RetentionSettings
from services.scorer.settings import ScorerSettings
from shared.contracts.topics import PORTAL, PROCESSES, SERVICES
from shared.layout import PARTITIONS_VARIABLE, PREFIX_VARIABLE
from shared.settings import ROOT, ServiceSettings, StatefulSettings

CHART = ROOT / "deploy" / "helm" / "goodstanding"
NEEDED = {"kafka": {"bootstrapServers": "broker1:9093,broker2:9093"}, "postgres": {"host": "db"}}
EVERYTHING: dict[str, Any] = {
    "kafka": {"bootstrapServers": "broker1:9093", "prefix": "eu.", "partitions": 12},
    "image": {"digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "postgres": {
        "host": "db",
        "pooler": "pgbouncer:6432",
        "apart": {"scorer": {"host": "scores", "port": 5433}, "portal": {"host": "pages", "pooler": "bouncer:6433"}},
    },
    "partners": {"bank.toml": (ROOT / "partners" / "bank.toml").read_text()},
    "policies": {
        each: (ROOT / "policies" / each).read_text()
        for each in ("scorecard.toml", "benefits.toml", "rates.csv", "retention/cn.toml")
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "autoscaling": {"enabled": True},
    "tolerations": [{"key": "x", "operator": "Exists"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "podAnnotations": {"x": "y"},
    "networkPolicy": {"extraEgress": [{"ports": [{"port": 4318, "protocol": "TCP"}]}]},
    "priorityClassName": "high",
    "portal": {
        "enabled": True,
        "url": "https://standing.example",
        "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "tls", "annotations": {"x": "y"}},
    },
}
STATIC: dict[str, Any] = {**EVERYTHING, "staticMembership": {"enabled": True}}
WORK = ("Deployment", "StatefulSet")
OTHERS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
"""Of other projects, whose schemas Kubernetes does not have."""
KUBERNETES = ("1.28.0", "1.33.0")
pytestmark = pytest.mark.campaign


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *words], capture_output=True, text=True, timeout=60, check=False)


def made(tmp_path: Path, values: Mapping[str, Any], version: str = KUBERNETES[-1]) -> list[dict[str, Any]]:
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    done = helm("template", "gs", str(CHART), "--namespace", "credit", "--kube-version", version, "--values", str(file))
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def pods(resources: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each["spec"]["template"] for each in resources if each["kind"] in (*WORK, "Job")]


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING, STATIC], ids=["least", "everything", "static"])
def test_the_linter_finds_nothing(tmp_path: Path, values: Mapping[str, Any]) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    done = helm("lint", "--strict", str(CHART), "--kube-version", KUBERNETES[-1], "--values", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", [NEEDED, EVERYTHING, STATIC], ids=["least", "everything", "static"])
def test_everything_is_what_kubernetes_knows(tmp_path: Path, values: Mapping[str, Any], version: str) -> None:
    """Strictly: a field that it does not know is an error too."""
    resources = made(tmp_path, values, version)
    assert len(resources) > 10
    for each in resources:
        if each["kind"] not in OTHERS:
            kubernetes_validate.validate(each, version, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in resources]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"postgres": {"host": "db"}}, "kafka.bootstrapServers must be set"),
        ({"kafka": {"bootstrapServers": "broker:9093"}}, "postgres.host must be set"),
        ({**NEEDED, "kafak": {}}, "kafak"),
        ({"kafka": {"bootstrapServers": "b:1", "prefix": "eu"}, "postgres": {"host": "db"}}, "prefix"),
        ({**NEEDED, "settings": {"currency": "yuan"}}, "currency"),
        ({**NEEDED, "services": {"scorer": {"replicas": 7}}}, "replicas is 7, and topics have 6 partitions"),
        ({**NEEDED, "portal": {"enabled": True}}, "portal.url must be set"),
        ({**NEEDED, "portal": {"enabled": True, "url": "standing.example"}}, "url"),
        ({**NEEDED, "partners": {"../bank.toml": "x"}}, "../bank.toml"),
        ({**NEEDED, "postgres": {"host": "db", "apart": {"ingest": {"host": "x"}}}}, "ingest"),
        ({**NEEDED, "postgres": {"host": "db", "apart": {"scorer": {"port": 1}}}}, "host"),
        ({"kafka": {"bootstrapServers": "broker"}, "postgres": {"host": "db"}}, "bootstrapServers"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, values: Mapping[str, Any], sentence: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    done = helm("template", "gs", str(CHART), "--kube-version", KUBERNETES[-1], "--values", str(file))
    assert done.returncode != 0
    assert sentence in done.stderr


def test_no_container_may_do_more_than_it_must(tmp_path: Path) -> None:
    for pod in pods(made(tmp_path, EVERYTHING)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"] == "512Mi"
            assert container["image"].endswith(f"@sha256:{'0' * 64}")


def test_no_secret_is_in_an_environment(tmp_path: Path) -> None:
    for pod in pods(made(tmp_path, STATIC)):
        for each in pod["spec"]["containers"][0]["env"]:
            if each["name"] == "GOODSTANDING_INSTANCE_ID":
                assert each["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
                continue
            assert set(each) == {"name", "value"}
            assert not re.search(r"//[^/@]*:[^/@]*@", each["value"]), each["name"]


def test_every_variable_is_a_setting(tmp_path: Path) -> None:
    settings: dict[str, type[ServiceSettings]] = {
        "ingest": IngestSettings,
        "scorer": ScorerSettings,
        "retention": RetentionSettings,
        "portal": PortalSettings,
    }
    for each in made(tmp_path, STATIC):
        if each["kind"] in WORK:
            service = each["metadata"]["labels"]["app.kubernetes.io/component"]
            known = {
                f"GOODSTANDING_{name.upper()}" for name in (settings.get(service) or StatefulSettings).model_fields
            }
            # One profile is for all, though not all read it.
            known |= {"PGPASSFILE", "GOODSTANDING_RETENTION_PROFILE", PREFIX_VARIABLE, PARTITIONS_VARIABLE}
            given = {one["name"] for one in each["spec"]["template"]["spec"]["containers"][0]["env"]}
            assert given <= known, given - known


def test_a_pod_has_longer_than_its_drain(tmp_path: Path) -> None:
    values = {**NEEDED, "settings": {"drainTimeoutSeconds": 60}}
    deployments = [each for each in made(tmp_path, values) if each["kind"] == "Deployment"]
    assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in deployments} == {*SERVICES}
    for each in deployments:
        spec = each["spec"]["template"]["spec"]
        environment = {one["name"]: one["value"] for one in spec["containers"][0]["env"]}
        assert environment["GOODSTANDING_DRAIN_TIMEOUT_S"] == "60"
        assert spec["terminationGracePeriodSeconds"] == 80


def test_selectors_select_what_they_mean(tmp_path: Path) -> None:
    """Jobs are no service: neither a budget nor a policy for services is about them."""
    resources = made(tmp_path, EVERYTHING)
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in resources
        if each["kind"] == "Deployment"
    }
    jobs = [each["spec"]["template"]["metadata"]["labels"] for each in resources if each["kind"] == "Job"]

    def matching(selector: Mapping[str, str], among: Sequence[Mapping[str, str]]) -> int:
        return sum(selector.items() <= each.items() for each in among)

    for each in resources:
        if each["kind"] in ("Service", "PodDisruptionBudget"):
            found = each["spec"]["selector"]
            selector = found.get("matchLabels", found)
            assert matching(selector, [*labels.values()]) == 1, each["metadata"]["name"]
            assert matching(selector, jobs) == 0
        if each["kind"] == "NetworkPolicy":
            about = 1 if each["metadata"]["name"].endswith("-pages") else len(PROCESSES)
            assert matching(each["spec"]["podSelector"]["matchLabels"], [*labels.values()]) == about
        if each["kind"] == "ScaledObject":
            assert each["spec"]["scaleTargetRef"]["name"] in labels


def test_files_are_mounted_where_they_are_looked_for(tmp_path: Path) -> None:
    resources = made(tmp_path, EVERYTHING)
    maps = {each["metadata"]["name"]: each for each in resources if each["kind"] == "ConfigMap"}
    for pod in pods(resources):
        for volume in pod["spec"]["volumes"]:
            if "configMap" in volume:
                source = maps[volume["configMap"]["name"]]
                for item in volume["configMap"]["items"]:
                    assert source["data"][item["key"]] == EVERYTHING[volume["name"]][item["path"]]
    hooks = {name for name, each in maps.items() if "helm.sh/hook" in each["metadata"].get("annotations", {})}
    assert hooks == {"gs-goodstanding-jobs-partners", "gs-goodstanding-jobs-policies"}


def test_alerts_and_dashboards_are_those_of_the_repository(tmp_path: Path) -> None:
    resources = made(tmp_path, EVERYTHING)
    groups = [group for each in resources if each["kind"] == "PrometheusRule" for group in each["spec"]["groups"]]
    files = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
    assert groups == [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    [dashboards] = [each for each in resources if each["metadata"]["name"].endswith("-dashboards")]
    assert dashboards["data"] == {
        each.name: each.read_text() for each in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")
    }


def test_every_value_is_described() -> None:
    described = (CHART / "README.md").read_text()
    for name, value in yaml.safe_load((CHART / "values.yaml").read_text()).items():
        assert f"`{name}" in described, name
        for inner in value if isinstance(value, dict) and name not in ("resources", "services") else ():
            assert re.search(rf"`({name})?\.{inner}`", described), f"{name}.{inner}"


def _processes(resources: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The container of each process."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["template"]["spec"]["containers"][0]
        for each in resources
        if each["kind"] in WORK
    }


@pytest.mark.parametrize(("values", "there"), [(NEEDED, False), (EVERYTHING, True)], ids=["without", "with"])
def test_there_is_a_portal_where_it_is_said_and_the_services_know(
    tmp_path: Path, values: Mapping[str, Any], there: bool
) -> None:
    resources = made(tmp_path, values)
    processes = _processes(resources)
    assert (PORTAL in processes) is there
    kinds = {each["kind"] for each in resources if each["metadata"]["name"].endswith("-pages")}
    assert kinds == ({"Service", "NetworkPolicy", "Ingress"} if there else set())
    for service in SERVICES:
        told = {"name": "GOODSTANDING_PORTAL", "value": "true"} in processes[service]["env"]
        assert told is (there and service != "ingest")


def test_a_service_may_have_a_postgres_of_its_own(tmp_path: Path) -> None:
    resources = made(tmp_path, EVERYTHING)
    processes = _processes(resources)
    told = {
        name: {each["name"]: each.get("value", "") for each in container["env"]}
        for name, container in processes.items()
    }
    places = {
        name: re.sub(r"^postgres://|/goodstanding\?.*", "", its["GOODSTANDING_POSTGRES"])
        for name, its in told.items()
        if name != "ingest"
    }
    assert places == {
        "scorer": "scorer@scores:5433",
        "retention": "retention@pgbouncer:6432",
        "benefits": "benefits@pgbouncer:6432",
        "portal": "portal@bouncer:6433",
    }
    assert "GOODSTANDING_POSTGRES_POOLED" not in told["scorer"]
    (migrate,) = [each for each in resources if each["kind"] == "Job" and each["metadata"]["name"].endswith("migrate")]
    job = {each["name"]: each["value"] for each in migrate["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert "postgres@db:5432/" in job["GOODSTANDING_POSTGRES"]
    assert "postgres@scores:5433/" in job["GOODSTANDING_POSTGRES_SCORER"]
    assert "postgres@pages:5432/" in job["GOODSTANDING_POSTGRES_PORTAL"]
    (policy,) = [
        each
        for each in resources
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"].endswith("goodstanding")
    ]
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {5432, 5433, 6432, 6433} <= ports


def test_the_portals_pages_are_behind_its_service_and_ingress(tmp_path: Path) -> None:
    resources = made(tmp_path, EVERYTHING)
    [ingress] = [each for each in resources if each["kind"] == "Ingress"]
    assert ingress["spec"]["rules"][0]["host"] == "standing.example"
    [pages] = [each for each in resources if each["kind"] == "Service" and each["metadata"]["name"].endswith("-pages")]
    port = {"name": pages["spec"]["ports"][0]["targetPort"], "containerPort": 8080}
    assert port in _processes(resources)[PORTAL]["ports"]


def test_a_pod_that_is_restarted_has_its_name_again_where_that_is_said(tmp_path: Path) -> None:
    resources = made(tmp_path, STATIC)
    sets = [each for each in resources if each["kind"] == "StatefulSet"]
    assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in sets} == {*PROCESSES}
    services = {each["metadata"]["name"]: each["spec"] for each in resources if each["kind"] == "Service"}
    for each in sets:
        assert services[each["spec"]["serviceName"]]["clusterIP"] == "None"
        names = {one["name"] for one in each["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert {"GOODSTANDING_INSTANCE_ID", "GOODSTANDING_SESSION_TIMEOUT_MS"} <= names
    scaled = [each["spec"]["scaleTargetRef"] for each in resources if each["kind"] == "ScaledObject"]
    assert {each["kind"] for each in scaled} == {"StatefulSet"}


def test_as_many_processes_as_there_are_partitions(tmp_path: Path) -> None:
    resources = made(tmp_path, {**EVERYTHING, "services": {"scorer": {"replicas": 12}}})
    scaled = [each["spec"] for each in resources if each["kind"] == "ScaledObject"]
    assert {each["maxReplicaCount"] for each in scaled} == {12}
    for pod in pods(resources):
        given = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
        assert given["GOODSTANDING_PARTITIONS"] == "12"


def test_each_process_logs_in_as_itself(tmp_path: Path) -> None:
    """With the principal that the rights name: prefix and service."""
    for each in made(tmp_path, EVERYTHING):
        if each["kind"] in WORK:
            service = each["metadata"]["labels"]["app.kubernetes.io/component"]
            given = {one["name"]: one["value"] for one in each["spec"]["template"]["spec"]["containers"][0]["env"]}
            assert (given[PREFIX_VARIABLE], given["GOODSTANDING_KAFKA_USER"]) == ("eu.", f"eu.{service}")


def test_the_values_of_the_guide_open_the_past(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "loading.md").read_text().partition("## On Kubernetes")[2]
    blocks = [dedent(block) for block in re.findall(r"(?:^ {7}.*\n)+", guide, re.MULTILINE)]
    values = next(yaml.safe_load(block) for block in blocks if block.startswith("services:"))
    variables = next(block for block in blocks if block.startswith("GOODSTANDING_CLOCK="))
    told = {
        each["metadata"]["name"].removeprefix("gs-goodstanding-"): {
            variable["name"]: variable.get("value")
            for variable in each["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        for each in made(tmp_path, {**NEEDED, **values})
        if each["kind"] == "Deployment"
    }
    assert {service: said.get("GOODSTANDING_CLOCK") for service, said in told.items()} == dict.fromkeys(
        SERVICES, "loading"
    )
    assert [service for service, said in told.items() if "GOODSTANDING_SILENT" in said] == ["scorer"]
    known = {f"GOODSTANDING_{field.upper()}" for field in StatefulSettings.model_fields}
    named = {line.partition("=")[0] for line in variables.splitlines()}
    assert named <= known | {"GOODSTANDING_HOME", "GOODSTANDING_PARTNERS", "PGPASSFILE"}
