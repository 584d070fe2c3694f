"""The demo and the commands that it leads to, as a newcomer runs them, with a few hundred of the customers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import psutil
import pytest

from goodstanding.adapters import adapters
from goodstanding.demo.run import DATA, publication_day
from goodstanding.deployment import SERVICES, Deployment, Settings
from goodstanding.local import Addresses
from goodstanding.processes import ServiceProcess
from goodstanding.simulation import StalledError, driving
from goodstanding.stack import passing

CUSTOMERS = 300
COMMAND_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "some.csv"
    with DATA.open() as lines:
        file.write_text("".join(islice(lines, CUSTOMERS + 1)))
    return file


@pytest.fixture
def environment(empty_servers: Addresses, tmp_path: Path) -> Mapping[str, str]:
    """A newcomer's, on the session's servers."""
    return {
        **os.environ,
        "GOODSTANDING_KAFKA": empty_servers.kafka,
        "GOODSTANDING_POSTGRES": empty_servers.postgres,
        "GOODSTANDING_HOME": str(tmp_path / "home"),
        "COLUMNS": "200",
    }


def goodstanding(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "goodstanding.cli", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)


def test_the_demo_and_a_look_around(environment: Mapping[str, str], data: Path, tmp_path: Path) -> None:
    demo = goodstanding(environment, "demo", "--keep", "--data", str(data))
    try:
        assert demo.returncode == 0, demo.stderr + demo.stdout
        months = re.findall(r"^2005-0\d: ([\d,]+) events in, (\d+) refused, (\d+) scores published", demo.stdout, re.M)
        assert len(months) == 6
        assert all(int(scores) >= CUSTOMERS - 10 for _, _, scores in months)
        assert "equal a recomputation from the sent events" in demo.stdout
        assert re.search(r"^\d+-\d+ .*%", demo.stdout, re.M), "no band of scores"
        _look_around(environment, demo.stdout, tmp_path)
    finally:
        down = goodstanding(environment, "local", "down", "--delete")
    assert down.returncode == 0
    assert not (tmp_path / "home" / "services").exists()


def _look_around(environment: Mapping[str, str], said: str, tmp_path: Path) -> None:
    status = goodstanding(environment, "local", "status", "--json")
    troubles = {part["name"]: part["trouble"] for part in json.loads(status.stdout)}
    assert (status.returncode, troubles) == (0, dict.fromkeys(SERVICES)), status.stderr

    # A second demo would mix with what is there.
    again = goodstanding(environment, "demo", "--keep")
    assert again.returncode == 1
    assert "local down --delete" in again.stderr

    account = re.search(r"goodstanding explain (GS\d{12})", said)
    assert account
    explained = json.loads(goodstanding(environment, "explain", account[1], "--json").stdout)
    assert sum(line["points"] for line in explained["lines"]) == explained["score"]
    assert explained["version"] == 6
    before = json.loads(goodstanding(environment, "explain", account[1], "--on", "2005-09-05", "--json").stdout)
    assert before["version"] == 4
    readable = goodstanding(environment, "explain", account[1]).stdout
    assert f"Score {explained['score']} of 6 October 2005" in readable
    early = goodstanding(environment, "explain", account[1], "--on", "2005-05-05")
    assert (early.returncode, "no score of this person by then" in early.stderr) == (1, True)

    scores = goodstanding(environment, "tail", "scores", "--once", "-n", "5", "--json").stdout.splitlines()
    assert len(scores) == 5
    assert all(json.loads(line)["version"] == 6 for line in scores)
    refused = goodstanding(environment, "tail", "rejected", "bank", "--once", "-n", "100").stdout
    assert refused.startswith("bank ")

    _send_samples(environment, tmp_path)


def _send_samples(environment: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    sample = goodstanding(environment, "partner", "sample", "bank", "--count", "20")
    assert sample.returncode == 0, sample.stderr
    file.write_text(sample.stdout)
    sent = goodstanding(environment, "partner", "send", "bank", str(file))
    # The samples' loans may be later than behavior can be, and so refused; nothing else may be wrong with them.
    assert "20 events: " in sent.stdout, sent.stderr
    file.write_text(sample.stdout + "{}\n")
    sent = goodstanding(environment, "partner", "send", "bank", str(file), "--json")
    assert sent.returncode == 1
    verdicts = [json.loads(line) for line in sent.stdout.splitlines()]
    assert [v["line"] for v in verdicts] == list(range(1, 22))
    assert (verdicts[-1]["result"], verdicts[-1]["code"]) == ("refused", "envelope-data")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(
    environment: Mapping[str, str], data: Path, number: signal.Signals
) -> None:
    argv = [sys.executable, "-m", "goodstanding.cli", "demo", "--data", str(data)]
    demo = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout
    for line in demo.stdout:
        if line.startswith("2005-04"):
            break
    family = psutil.Process(demo.pid).children(recursive=True)
    assert family
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=COMMAND_TIMEOUT_S)
    assert demo.returncode == 130
    assert "everything that the demo had started is stopped" in errors
    assert "Traceback" not in errors
    assert not [each for each in family if each.is_running()]


def test_the_driver_says_who_died(empty_servers: Addresses, data: Path) -> None:
    source = adapters()["uci-credit-card"](data)
    first = datetime(2005, 4, publication_day(), tzinfo=source.zone)
    settings = Settings.new(zone=source.zone.key, currency=source.currency, clock="stepped")
    with passing(lambda _: None, empty_servers, settings, first) as (deployment, processes):
        asyncio.run(_kill_and_drain(deployment, processes, first))


async def _kill_and_drain(deployment: Deployment, processes: Sequence[ServiceProcess], first: datetime) -> None:
    scorer = next(each for each in processes if each.service == "scorer")
    later = first.replace(day=28)
    async with driving(deployment, processes) as driver:
        await driver.drain(first)
        await asyncio.to_thread(scorer.kill)
        await driver.set(later)
        with pytest.raises(StalledError, match="scorer has ended while it was needed"):
            await driver.drain(later)
        await asyncio.to_thread(scorer.start)
        await asyncio.to_thread(scorer.wait_ready)
        await driver.drain(later)
