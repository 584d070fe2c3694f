"""Dashboards, rules and alerts name only metrics that are exposed; every alert has its chapter in the runbooks."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.grafana import pipeline
from shared.contracts.topics import PROCESSES, SERVICES
from shared.runner.metrics import Metrics
from shared.runner.service import Outcome
from shared.settings import ROOT
from tests.deploy import grafana
from tests.deploy.compose import Platform, left_out, until
from tests.deploy.queries import (
    DASHBOARDS,
    GROUPING,
    NAMES,
    PROMETHEUS_FILES,
    dashboard,
    dashboard_queries,
    marks,
    metrics_of,
    panels,
    rules,
    selectors,
    shown,
)
from tests.deploy.traffic import Person, accepted, forget_publications, send_to_nobody

PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
PROMETHEUS_OWN = {"up", "ALERTS"}
EXPORTED: dict[str, set[str]] = {
    "kafka_brokers": set(),
    "kafka_topic_partition_current_offset": {"topic", "partition"},
    "kafka_topic_partition_oldest_offset": {"topic", "partition"},
    "kafka_topic_partition_leader": {"topic", "partition"},
    "kafka_topic_partition_under_replicated_partition": {"topic", "partition"},
    "kafka_consumergroup_lag": {"consumergroup", "topic", "partition"},
    "pg_up": set(),
    "pg_database_size_bytes": {"datname"},
    "pg_settings_max_connections": {"server"},
    "pg_stat_activity_count": {"datname", "state"},
    "pg_stat_activity_max_tx_duration": {"datname", "state"},
    "pg_stat_database_blks_hit": {"datid", "datname"},
    "pg_stat_database_blks_read": {"datid", "datname"},
    "pg_stat_database_deadlocks": {"datid", "datname"},
    "pg_stat_database_xact_commit": {"datid", "datname"},
}
"""What is asked of the exporters of Kafka (danielqsj/kafka_exporter) and of Postgres (the community's)."""


def exposed() -> dict[str, set[str]]:
    """Every sample that a service can expose, with its labels, read from the text that Prometheus scrapes."""
    metrics = Metrics()
    metrics.handled([])
    metrics.records.labels("t").inc()
    metrics.decided([Outcome("refused", "bank", "in-future"), Outcome("dead-letter", code="misplaced")])
    metrics.sent.labels("t").inc()
    metrics.retries.labels("OSError").inc()
    metrics.step_seconds.labels("events").observe(0.1)
    metrics.lost("t", "gap", 1)
    metrics.lag_records.labels("t", 0).set(1)
    metrics.lag_seconds.labels("t", 0).set(1)
    metrics.next_timer(0, None)
    metrics.clock_ahead.labels("kafka").set(0)
    metrics.policy.labels("start@0123456789ab").set(1)
    metrics.people.labels("tier", "fair").set(1)
    metrics.run_goes_on(0, 0.5)
    metrics.in_force({"partners/bank.toml": "0123456789ab"}, 0)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


KNOWN = {*exposed(), *EXPORTED, *PROMETHEUS_OWN, *(rule["record"] for rule in rules() if "record" in rule)}
QUERIES = [
    *((rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()),
    *dashboard_queries(),
    *marks(),
]
EXPORTERS = {"kafka": "kafka-exporter", "postgres": "postgres-exporter"}
"""By scrape job, the service of the compose file."""


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
        *(label for metrics in (exposed(), EXPORTED) for each in metrics.values() for label in each),
    }
    grouped = [name for group in GROUPING.findall(expression) for name in re.findall(r"\w+", group)[1:]]
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    assert {*grouped, *matched} <= labels


def test_every_metric_is_looked_at() -> None:
    """What nobody looks at is deleted; counts of a histogram and times of creation come along unasked."""
    looked_at = set[str]().union(*(metrics_of(query) for _, query in QUERIES))
    unasked = {name for name in exposed() if name.endswith(("_created", "_sum", "_count"))}
    assert exposed().keys() - unasked <= looked_at
    assert EXPORTED.keys() <= looked_at


def test_these_are_all_dashboards() -> None:
    assert sorted(each.stem for each in DASHBOARDS.iterdir()) == NAMES
    assert len({dashboard(name)["uid"] for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_a_place_of_their_own_and_say_what_they_show(name: str) -> None:
    cells = [
        (x, y)
        for panel in panels(name)
        for g in [panel["gridPos"]]
        for x in range(g["x"], g["x"] + g["w"])
        for y in range(g["y"], g["y"] + g["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels(name)}) == len(panels(name))
    for panel in panels(name):
        if panel["type"] != "row":
            assert panel["description"]


@pytest.mark.parametrize("name", NAMES)
def test_the_dashboard_asks_the_provisioned_data_source(name: str) -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    asked = [
        *(panel["datasource"] for panel in panels(name) if panel["type"] != "row"),
        *(target["datasource"] for panel in panels(name) for target in panel.get("targets", [])),
        *(each["datasource"] for each in dashboard(name)["annotations"]["list"]),
    ]
    assert all(each == {"type": source["type"], "uid": source["uid"]} for each in asked)


def test_the_committed_dashboards_are_the_described_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipeline.FOLDER.resolve() == DASHBOARDS
    assert pipeline.main(["check"]) == 0
    monkeypatch.setattr(pipeline, "FOLDER", tmp_path)
    (tmp_path / "runtime.json").write_text("{}")
    assert pipeline.main(["check"]) == 1
    assert "run `python -m deploy.grafana.pipeline write`" in capsys.readouterr().err
    assert pipeline.main(["write"]) == 0
    for name in NAMES:
        assert (tmp_path / f"{name}.json").read_bytes() == (DASHBOARDS / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_dashboard_is_what_grafana_knows(name: str) -> None:
    assert grafana.problems(dashboard(name)) == []
    assert dashboard(name)["editable"] is False


def of_type(document: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(panel for panel in document["panels"] if panel["type"] == kind)
    return found


def defaults(document: dict[str, Any], kind: str = "timeseries") -> dict[str, Any]:
    found: dict[str, Any] = of_type(document, kind)["fieldConfig"]["defaults"]
    return found


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda d: d.update(grafTooltip=1), "grafTooltip: 1 is lost"),
        (lambda d: d.update(graphTooltip=7), "7 is no DashboardCursorSync"),
        (lambda d: d.update(schemaVersion="42"), "'42' is no int"),
        (lambda d: d.update(tags="goodstanding"), "'goodstanding' is no list"),
        (lambda d: d["annotations"]["list"][0].update(textFromat=""), "textFromat: '' is lost"),
        (lambda d: d["annotations"]["list"][0].update(enable="yes"), "'yes' is no bool"),
        (lambda d: of_type(d, "stat").update(type="stats"), "there is no panel of type 'stats'"),
        (lambda d: of_type(d, "stat").update(gridpos={}), "gridpos: {} is lost"),
        (lambda d: of_type(d, "stat")["gridPos"].update(w=4.5), "4.5 is no int"),
        (lambda d: of_type(d, "stat")["options"].update(graphmode="none"), "graphmode: 'none' is lost"),
        (lambda d: of_type(d, "stat")["options"].update(graphMode="nothing"), "'nothing' is no BigValueGraphMode"),
        (lambda d: of_type(d, "stat")["options"]["reduceOptions"].update(calc=[]), "calc: [] is lost"),
        (lambda d: of_type(d, "stat")["targets"][0].update(expression="up"), "expression: 'up' is lost"),
        (lambda d: of_type(d, "stat")["targets"][0].update(instant="true"), "'true' is no bool"),
        (lambda d: of_type(d, "stat")["datasource"].update(type="promtheus"), "of no data source that is known"),
        (lambda d: of_type(d, "table")["targets"][0].update(format="tables"), "'tables' is no PromQueryFormat"),
        (lambda d: of_type(d, "table")["options"].update(sortBy=[{"desc": 1}]), "1 is no bool"),
        (lambda d: of_type(d, "table")["transformations"][0].update(option={}), "option: {} is lost"),
        (lambda d: of_type(d, "table")["transformations"][0].update(id="organise"), "'organise' has no option"),
        (
            lambda d: of_type(d, "table")["transformations"][0]["options"].update(renameByNames={}),
            "'organize' has no option 'renameByNames'",
        ),
        (lambda d: defaults(d).update(unit="recs"), "'recs' is no unit"),
        (lambda d: defaults(d).update(minimum=0), "minimum: 0 is lost"),
        (lambda d: defaults(d).update(min="0"), "'0' is no float"),
        (lambda d: defaults(d)["custom"].update(fillOpacty=5), "fillOpacty: 5 is lost"),
        (lambda d: defaults(d)["custom"].update(showPoints="sometimes"), "'sometimes' is no VisibilityMode"),
        (lambda d: defaults(d)["custom"].update(stacking={"mode": "all"}), "'all' is no StackingMode"),
        (lambda d: defaults(d, "stat")["thresholds"].update(mode="relative"), "'relative' is no ThresholdsMode"),
        (lambda d: defaults(d, "stat")["thresholds"]["steps"][0].update(color="gren"), "'gren' is no color"),
        (
            lambda d: defaults(d, "state-timeline")["mappings"][0]["options"]["1"].update(colour="red"),
            "colour: 'red' is lost",
        ),
    ],
)
def test_what_grafana_does_not_know_is_found(spoil: Callable[[dict[str, Any]], None], problem: str) -> None:
    document = dashboard()
    spoil(document)
    assert [found for found in grafana.problems(document) if problem in found]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("unit", "seconds", "'seconds' is no unit"),
        ("color", {"mode": "fix"}, "'fix' is no FieldColorModeId"),
        ("colour", {"mode": "fixed"}, "mode: 'fixed' is lost"),
        ("custom.lineStyle", {"fill": "dashed"}, "'dashed' is none of"),
        ("custom.linestyle", {"fill": "dash"}, "fill: 'dash' is lost"),
    ],
)
def test_what_grafana_does_not_know_is_found_in_an_override(name: str, value: Any, problem: str) -> None:
    document = dashboard()
    override = {"matcher": {"id": "byName", "options": "scorer"}, "properties": [{"id": name, "value": value}]}
    of_type(document, "timeseries")["fieldConfig"]["overrides"] = [override]
    assert [found for found in grafana.problems(document) if problem in found]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_otherwise_for_some_series_names_series_that_exist(name: str) -> None:
    for panel in panels(name):
        series = {"byName": {*SERVICES}, "byFrameRefID": {target["refId"] for target in panel.get("targets", [])}}
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            assert override["matcher"]["options"] in series[override["matcher"]["id"]]


@pytest.mark.parametrize(
    ("file", "model"),
    [("dashboards/goodstanding.yml", grafana.Providers), ("datasources/prometheus.yml", grafana.DataSources)],
)
def test_the_provisioning_is_what_grafana_knows(file: str, model: type) -> None:
    text = (PROVISIONING / file).read_text()
    msgspec.convert(yaml.safe_load(text), model)
    for known, unknown in (("type:", "types:"), ("apiVersion: 1", "apiVersion: 2"), ("name:", "title:")):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(yaml.safe_load(text.replace(known, unknown)), model)


def test_compose_mounts_what_is_provisioned() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {target: source for source, target in (each.split(":")[:2] for each in services["grafana"]["volumes"])}
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "goodstanding.yml").read_text())
    place = provider["providers"][0]["options"]["path"]
    assert (ROOT / mounts[place]).resolve() == DASHBOARDS
    for folder in ("datasources", "dashboards"):
        assert (ROOT / mounts[f"/etc/grafana/provisioning/{folder}"]).resolve() == PROVISIONING / folder
    assert {folder.name for folder in PROVISIONING.iterdir()} == {"datasources", "dashboards"}
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{place}/pipeline.json"


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_is_tested(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    guide = (ROOT / "docs" / "runbooks.md").read_text()
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    assert f"\n### {name}\n" in guide
    files = (PROMETHEUS_FILES / "tests").glob("*.yml")
    tested = [test for file in files for test in yaml.safe_load(file.read_text())["tests"]]
    cases = [case for test in tested for case in test.get("alert_rule_test", []) if case["alertname"] == name]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


def test_a_shard_that_has_nothing_due_is_never_late() -> None:
    metrics = Metrics()
    metrics.next_timer(0, None)
    metrics.next_timer(1, datetime(2026, 1, 6, tzinfo=UTC))
    metrics.shard_left(1)
    metrics.shard_left(2)  # which was never claimed
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
    assert accepted(person.settled_what_nobody_reported())
    assert accepted(person.stayed_after_all())
    person.asks_for_all_that_is_held()
    assert {verdict.result for verdict in [*person.wrong(), *person.unwanted()]} == {"refused"}
    send_to_nobody(platform)
    person.until_counted()
    compose("stop", "scorer", "postgres")
    until(lambda: compose.trouble("retention"), "retention tries again")
    compose("start", "postgres")
    compose.until_healthy("postgres")
    forget_publications(platform)
    compose("start", "scorer")
    compose.until_healthy(*SERVICES)
    # A share of what was sent needs a count that has grown since Prometheus saw its beginning.
    assert accepted(person.rides(1))
    return platform


def shown_here() -> list[tuple[str, str]]:
    """What is shown, but for what an exporter tells that this machine cannot have."""
    blind = tuple(f"{'pg' if job == 'postgres' else job}_" for job, name in EXPORTERS.items() if name in left_out())
    return [(name, query) for name, query in shown() if not any(each.startswith(blind) for each in metrics_of(query))]


def _ask(platform: Platform, path: str, **parameters: str) -> Any:
    base = f"http://127.0.0.1:{platform.compose.ports['PROMETHEUS']}/api/v1"
    with urllib.request.urlopen(f"{base}/{path}?{urllib.parse.urlencode(parameters)}", timeout=5) as answer:
        return json.load(answer)["data"]


def _until_found(platform: Platform, expression: str) -> None:
    until(lambda: _ask(platform, "query", query=expression)["result"], f"a result of {expression}")


def test_the_selectors_in_an_expression() -> None:
    expression = 'sum by (job) (rate(a_total{x="b"}[1m])) > 10 unless a_total offset 5m'
    assert selectors(expression) == {'a_total{x="b"}', "a_total"}


SELECTORS = sorted(set[str]().union(*(selectors(query) for _, query in [*shown_here(), *marks()])))


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("selector", SELECTORS)
def test_every_selector_has_series(selector: str, lived: Platform) -> None:
    """Those of panels that show 0 where there is none included. `tests/alerts` looks for those of alerts, which have no
    result on a good day: each fires there."""
    _until_found(lived, f"last_over_time({selector}[1h])")


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("expression", [query for _, query in shown_here()], ids=[name for name, _ in shown_here()])
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
    exporters = {job: "down" if name in left_out() else "up" for job, name in EXPORTERS.items()}
    assert targets == {**dict.fromkeys(PROCESSES, "up"), **exporters}


if "grafana" not in left_out():

    @pytest.mark.campaign
    @pytest.mark.timeout(900)
    def test_grafana_has_the_dashboards(lived: Platform) -> None:
        def dashboards() -> list[str]:
            base = f"http://127.0.0.1:{lived.compose.ports['GRAFANA']}/api/search?type=dash-db"
            with urllib.request.urlopen(base, timeout=5) as answer:
                return [each["title"] for each in json.load(answer)]

        titles = {dashboard(name)["title"] for name in NAMES}
        until(lambda: titles <= {*dashboards()}, "the dashboards")
