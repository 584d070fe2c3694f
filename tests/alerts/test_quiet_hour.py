"""No alert fires in an hour of all partners' traffic, by what real processes said in each minute and the rules as they
are shipped.

The hour is the one in which most happens: in its middle a month's scores are published, and records lapse. The clock is
led through it in a few minutes. What the processes and the exporters say while a minute's events are on their way is
what promtool then has the rules look at, in the hour's own time.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from goodstanding.partner.mapping_files import sound_mapping_of
from goodstanding.partner.samples import Setting, samples
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.simulation.driver import driving
from shared.contracts.partition import partition_of
from shared.contracts.topics import raw_topic
from shared.kafka.sender import send
from shared.runner.answers import Outgoing
from tests.alerts import platform as platforms
from tests.alerts.platform import Platform
from tests.deploy.queries import alerts, metrics_of, rule_files, rules

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

BEGINS = datetime(2026, 10, 5, 23, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
MINUTES = 60
MIDNIGHT = 30
"""The minute in which the month's scores are published."""
EVENTS = 140
"""In a minute, of all partners."""
LAPSING = 50
"""Records whose last day is the one that ends at midnight."""
_AN_INSTANT = "goodstanding_timers_next_timestamp_seconds"
"""promtool's time begins with 0."""

ASKED = set[str]().union(*(metrics_of(rule["expr"]) for rule in rules()))
GROUPS = [group["name"] for file in rule_files() for group in yaml.safe_load(file.read_text())["groups"]]
"""As they stand in the files, what is recorded first; else promtool takes them in any order."""

Hour = Mapping[str, Mapping[int, float]]
"""By series, its value in each minute that has one."""


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    with platforms.running(tmp_path_factory.mktemp("platform"), clock="stepped") as platform:
        platform.run(platform.deployment.set_clock(BEGINS))
        platform.start_all()
        platform.records(range(LAPSING), at=BEGINS - timedelta(hours=1), status="reported", began_on="2024-10-05")
        yield platform.run(lived(platform))


async def lived(platform: Platform) -> Hour:
    found: dict[str, dict[int, float]] = defaultdict(dict)
    events = traffic(platform.deployment)
    async with driving(platform.deployment, [*platform.processes.values()]) as driver:
        for minute in range(MINUTES + 1):
            now = BEGINS + timedelta(minutes=minute)
            await driver.set(now)
            await send(driver.producer, list(islice(events, EVENTS)))
            for series, value in await asyncio.to_thread(list, said(platform)):
                found[series][minute] = value
            await driver.drain(now)
    return found


def traffic(deployment: Deployment) -> Iterator[Outgoing]:
    setting = Setting(deployment.settings.currency, ZoneInfo(deployment.settings.zone), BEGINS)
    sources = {name: samples(name, sound_mapping_of(name, deployment.settings), setting) for name in partners()}
    for name in cycle(sources):
        event = next(sources[name])
        yield Outgoing(raw_topic(name), event.key, event.value, event.headers, partition_of(event.key.decode()))


def said(platform: Platform) -> Iterator[tuple[str, float]]:
    """The series that rules ask for, as Prometheus would have them. Each process that runs has to answer."""
    for job, (address, *_) in platform.targets.items():
        head = f'job="{job}", instance="{address}"'
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        yield f"up{{{head}}}", 1
        for sample in (each for family in text_string_to_metric_families(text) for each in family.samples):
            if sample.name in ASKED:
                labels = ", ".join([head, *(f"{name}={_quoted(value)}" for name, value in sample.labels.items())])
                from_begin = BEGINS.timestamp() if sample.name == _AN_INSTANT else 0
                yield f"{sample.name}{{{labels}}}", sample.value - from_begin


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def told_by_promtool(hour: Hour, directory: Path) -> str:
    """Nothing, or what it says of the alerts that fire in any minute."""
    program = shutil.which("promtool")
    assert program, "promtool is needed: install Prometheus (Debian: prometheus)"
    series = [
        {"series": name, "values": " ".join(_value(values.get(minute)) for minute in range(MINUTES + 1))}
        for name, values in hour.items()
    ]
    quiet = [{"eval_time": f"{minute}m", "alertname": name} for name in alerts() for minute in range(MINUTES + 1)]
    file = directory / "hour.yml"
    test = {"interval": "1m", "input_series": series, "alert_rule_test": quiet}
    files = [str(each) for each in rule_files()]
    whole = {"rule_files": files, "evaluation_interval": "1m", "group_eval_order": GROUPS, "tests": [test]}
    file.write_text(yaml.safe_dump(whole))
    done = subprocess.run([program, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _value(value: float | None) -> str:
    return "_" if value is None else "Inf" if value == float("inf") else repr(value)


def counted(hour: Hour, minute: int, *words: str) -> float:
    """The sum of the series that have all of these words in their names and labels."""
    return sum(values.get(minute, 0) for name, values in hour.items() if all(word in name for word in words))


def test_what_is_due_at_midnight_happens(hour: Hour) -> None:
    published = "goodstanding_outcomes_total", 'job="scorer"', 'result="published"'
    lapsed = "goodstanding_outcomes_total", 'job="retention"', 'result="expired"'
    assert counted(hour, MIDNIGHT - 1, *published) < counted(hour, MINUTES, *published)
    assert (counted(hour, MIDNIGHT - 1, *lapsed), counted(hour, MINUTES, *lapsed)) == (0, LAPSING)


def test_no_alert_fires(hour: Hour, tmp_path: Path) -> None:
    assert told_by_promtool(hour, tmp_path) == ""


def test_an_alert_in_that_hour_would_be_seen(hour: Hour, tmp_path: Path) -> None:
    """The same hour, in which no process was ready for five minutes."""
    spoilt = {
        name: {**values, **(dict.fromkeys(range(20, 25), 0.0) if name.startswith("goodstanding_ready") else {})}
        for name, values in hour.items()
    }
    assert "ServiceNotReady" in told_by_promtool(spoilt, tmp_path)
