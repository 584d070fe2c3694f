"""Dashboard, rules and alerts name only metrics that the services expose; every alert has its page in the guide."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from goodstanding.deployment import SERVICES
from shared.runner.metrics import Metrics
from shared.runner.service import Outcome
from shared.settings import ROOT
from tests.deploy.compose import Platform, left_out, until
from tests.deploy.traffic import Person, accepted, forget_publications, send_to_nobody

RULES = ROOT / "deploy" / "prometheus" / "rules" / "goodstanding.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "pipeline.json"
PROMETHEUS_OWN = {"up", "ALERTS"}
RATE_INTERVAL = "1m"
"""What Grafana would put in the place of $__rate_interval."""

# PromQL without its strings and label lists: what is left and no function, keyword or label is a metric.
_STRING = re.compile(r'"[^"]*"')
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=[\s{\[)>=,]|$)(?!\s*\()")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_LABELS = re.compile(r"\{[^}]*\}")
_RANGES = re.compile(r"\[[^\]]*\]")
_WORDS = {"and", "or", "unless", "bool", "offset"}


def metrics_of(expression: str) -> set[str]:
    for noise in (_STRING, _LABELS, _RANGES, _GROUPING):
        expression = noise.sub(" ", expression)
    names = set(_METRIC.findall(expression)) - _WORDS
    return {name for name in names if not re.fullmatch(r"\d.*|[smhd]", name)}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[str]:
    return [rule["alert"] for rule in rules() if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def dashboard_queries() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"].replace("$__rate_interval", RATE_INTERVAL)


def exposed() -> dict[str, set[str]]:
    """Every sample that a service can expose, with its labels, read from the text that Prometheus scrapes."""
    metrics = Metrics()
    metrics.handled([])
    metrics.records.labels("t").inc()
    metrics.decided([Outcome("refused", "bank", "in-future"), Outcome("dead-letter", code="misplaced")])
    metrics.sent.labels("t").inc()
    metrics.retries.labels("OSError").inc()
    metrics.step_seconds.labels("events").observe(0.1)
    metrics.lag_records.labels("t", 0).set(1)
    metrics.lag_seconds.labels("t", 0).set(1)
    metrics.next_timer(0, None)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


KNOWN = {*exposed(), *PROMETHEUS_OWN, *(rule["record"] for rule in rules() if "record" in rule)}
QUERIES = [
    *((rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()),
    *dashboard_queries(),
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('sum by (job) (rate(a_total{x="b c"}[1m])) * 600 > 10', {"a_total"}),
        ('max(a) and on (job) b{c=~"d|e"} offset 5m or vector(0)', {"a", "b"}),
        ("job:x:max > 2 * 3600", {"job:x:max"}),
        ("clamp_min(time() - next_seconds, 0)", {"next_seconds"}),
    ],
)
def test_the_names_in_an_expression(expression: str, expected: set[str]) -> None:
    assert metrics_of(expression) == expected


@pytest.mark.parametrize("expression", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES])
def test_only_metrics_that_exist(expression: str) -> None:
    assert metrics_of(expression)
    assert metrics_of(expression) <= KNOWN


@pytest.mark.parametrize("expression", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES])
def test_only_labels_that_exist(expression: str) -> None:
    labels = {
        "job",
        "instance",
        "le",
        "alertstate",
        "partner",
        *(label for each in exposed().values() for label in each),
    }
    grouped = [name for group in _GROUPING.findall(expression) for name in re.findall(r"\w+", group)[1:]]
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    assert {*grouped, *matched} <= labels


def test_every_metric_is_looked_at() -> None:
    """What nobody looks at is deleted; counts of a histogram and times of creation come along unasked."""
    looked_at = set[str]().union(*(metrics_of(query) for _, query in QUERIES))
    unasked = {name for name in exposed() if name.endswith(("_created", "_sum", "_count"))}
    assert exposed().keys() - unasked <= looked_at


def test_panels_have_a_place_of_their_own_and_say_what_they_show() -> None:
    cells = [
        (x, y)
        for panel in panels()
        for g in [panel["gridPos"]]
        for x in range(g["x"], g["x"] + g["w"])
        for y in range(g["y"], g["y"] + g["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels()}) == len(panels())
    source = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    for panel in panels():
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == source["datasources"][0]["uid"]
            assert panel["description"]


def test_compose_mounts_what_is_provisioned() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {target: source for source, target in (each.split(":")[:2] for each in services["grafana"]["volumes"])}
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/goodstanding.yml").read_text())
    place = provider["providers"][0]["options"]["path"]
    assert (ROOT / mounts[place] / "pipeline.json").resolve() == DASHBOARD
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{place}/pipeline.json"


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_is_tested(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    guide = (ROOT / "docs" / "operations.md").read_text()
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert f"\n### {name}\n" in guide
    tested = yaml.safe_load((RULES.parent.parent / "tests" / "goodstanding.yml").read_text())["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


def test_a_shard_that_has_nothing_due_is_never_late() -> None:
    metrics = Metrics()
    metrics.next_timer(0, None)
    metrics.next_timer(1, datetime(2026, 1, 6, tzinfo=UTC))
    metrics.next_timer_timestamp.remove(1)
    metrics.next_timer_timestamp.remove(2)  # which was never claimed
    text = generate_latest(metrics.registry).decode()
    assert 'goodstanding_timers_next_timestamp_seconds{shard="0"} +Inf' in text
    assert 'shard="1"' not in text


# What needs data: a Prometheus that scrapes the running platform.


@pytest.fixture(scope="module")
def lived(platform: Platform) -> Platform:
    """A platform on which everything has happened that a query asks for."""
    person, compose = Person(platform, 7_777_777_777), platform.compose
    assert accepted(person.rides(3))
    assert accepted(person.stayed_away())
    assert {verdict.result for verdict in person.wrong()} == {"refused"}
    send_to_nobody(platform)
    person.until_counted()
    compose("stop", "scorer", "postgres")
    until(lambda: compose.trouble("retention"), "retention tries again")
    compose("start", "postgres")
    compose.until_healthy("postgres")
    forget_publications(platform)
    compose("start", "scorer")
    compose.until_healthy(*SERVICES)
    return platform


def _ask(platform: Platform, path: str, **parameters: str) -> Any:
    base = f"http://127.0.0.1:{platform.compose.ports['PROMETHEUS']}/api/v1"
    with urllib.request.urlopen(f"{base}/{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
        return json.load(answer)["data"]


def _until_found(platform: Platform, expression: str) -> None:
    until(lambda: _ask(platform, "query", query=expression)["result"], f"a result of {expression}")


def selectors(expression: str) -> set[str]:
    """Each metric of the expression with the labels that it is asked for."""
    names = "|".join(sorted(map(re.escape, metrics_of(expression)), key=len, reverse=True))
    return set(re.findall(rf"(?<![\w:])(?:{names})(?![\w:])(?:\{{[^}}]*\}})?", expression))


def test_the_selectors_in_an_expression() -> None:
    expression = 'sum by (job) (rate(a_total{x="b"}[1m])) > 10 unless a_total offset 5m'
    assert selectors(expression) == {'a_total{x="b"}', "a_total"}


SELECTORS = sorted(set[str]().union(*(selectors(query) for _, query in QUERIES)))


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("selector", SELECTORS)
def test_every_selector_has_series(selector: str, lived: Platform) -> None:
    """Those of alerts, which have no result on a good day, and of panels that show 0 where there is none, included."""
    _until_found(lived, f"last_over_time({selector}[1h])")


SHOWN = [*dashboard_queries(), *((rule["record"], rule["expr"]) for rule in rules() if "record" in rule)]


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("expression", [query for _, query in SHOWN], ids=[name for name, _ in SHOWN])
def test_every_panel_and_every_recorded_rule_shows_something(expression: str, lived: Platform) -> None:
    _until_found(lived, expression)


@pytest.mark.campaign
@pytest.mark.timeout(900)
def test_the_alerts_work(lived: Platform) -> None:
    """All can be evaluated, and the one that has a reason fires."""
    loaded = [rule for group in _ask(lived, "rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in loaded} == {rule.get("alert") or rule["record"] for rule in rules()}
    assert {rule["health"] for rule in loaded} == {"ok"}
    _until_found(lived, 'max_over_time(ALERTS{alertname="DeadLetters", alertstate="firing"}[1h])')
    targets = {target["labels"]["job"]: target["health"] for target in _ask(lived, "targets")["activeTargets"]}
    assert targets == dict.fromkeys(SERVICES, "up")


if "grafana" not in left_out():

    @pytest.mark.campaign
    @pytest.mark.timeout(900)
    def test_grafana_has_the_dashboard(lived: Platform) -> None:
        def dashboards() -> list[str]:
            base = f"http://127.0.0.1:{lived.compose.ports['GRAFANA']}/api/search?type=dash-db"
            with urllib.request.urlopen(base, timeout=5) as answer:
                return [each["title"] for each in json.load(answer)]

        until(lambda: json.loads(DASHBOARD.read_text())["title"] in dashboards(), "the dashboard")
