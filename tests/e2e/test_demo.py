"""The demo and the commands that it leads to, as a newcomer runs them, with a few hundred of the customers."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import httpx
import psutil
import pytest

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from goodstanding.simulation.course import publication_day
from goodstanding.simulation.driver import StalledError, driving
from goodstanding.simulation.real_data.adapters import adapters
from goodstanding.simulation.real_data.play import DATA
from shared.contracts.topics import PROCESSES
from tests.support.command_line import ask

# Four services start for each test, which takes a while on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(300)

CUSTOMERS = 300
COMMAND_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "some.csv"
    with DATA.open() as lines:
        file.write_text("".join(islice(lines, CUSTOMERS + 1)))
    return file


@pytest.fixture(autouse=True)
def _newcomer(empty_servers: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with the session's servers and nothing else."""
    monkeypatch.setenv("GOODSTANDING_KAFKA", empty_servers.kafka)
    monkeypatch.setenv("GOODSTANDING_POSTGRES", empty_servers.postgres)
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")


def test_the_demo_and_a_look_around(data: Path, tmp_path: Path) -> None:
    demo = ask("demo", "--keep", "--data", str(data))
    try:
        assert demo.exit_code == 0, demo.stderr + demo.stdout
        scores = re.findall(r"^2005-0\d: [\d,]+ events in, \d+ refused; (\d+) scores, ", demo.stdout, re.M)
        assert len(scores) == 6
        assert all(int(each) >= CUSTOMERS - 10 for each in scores)
        assert "equal a recomputation from the sent events" in demo.stdout
        assert re.search(r"^\d+-\d+ .*%", demo.stdout, re.M), "no band of scores"
        _look_around(demo.stdout, tmp_path)
    finally:
        down = ask("local", "down", "--delete")
    assert down.exit_code == 0
    assert not (tmp_path / "home" / "services").exists()


def _look_around(said: str, tmp_path: Path) -> None:
    status = ask("local", "status", "--json")
    parts = {part.pop("name"): part for part in map(json.loads, status.stdout.splitlines())}
    platform = parts.pop("platform")
    assert (status.exit_code, {name: part["trouble"] for name, part in parts.items()}) == (0, dict.fromkeys(PROCESSES))
    assert (platform["ready"], platform["clock"]) == (True, "stepped"), status.stderr
    # The demo has gone, and its clock stands where it was left.
    assert platform["clock_stands_at"].startswith("2005-"), platform
    assert "stands still at 2005-" in ask("local", "status").stdout

    # Nobody is told to send events to a platform on which nothing becomes due.
    up = ask("local", "up")
    assert up.exit_code == 0, up.stderr
    assert "All of it was running before." in up.stdout
    assert "stands still at 2005-" in up.stdout
    assert "partner sample" not in up.stdout

    # A second demo would mix with what is there.
    again = ask("demo", "--keep")
    assert again.exit_code == 1
    assert "would mix with" in again.stderr

    account = re.search(r"goodstanding explain (GS\d{12})", said)
    assert account
    explained = json.loads(ask("explain", account[1], "--json").stdout)
    assert sum(line["points"] for line in explained["lines"]) == explained["score"]
    assert explained["version"] >= 6
    before = json.loads(ask("explain", account[1], "--on", "2005-09-05", "--json").stdout)
    assert before["version"] < explained["version"]
    assert before["as_of"] < "2005-09-05"
    readable = ask("explain", account[1]).stdout
    assert re.search(rf"Score {explained['score']} of \d+ \w+ 2005", readable)
    early = ask("explain", account[1], "--on", "2005-04-05")
    assert (early.exit_code, "no score of this person by then" in early.stderr) == (1, True)

    scores = ask("tail", "scores", "--once", "-n", "5", "--json").stdout.splitlines()
    assert len(scores) == 5
    # A change of a record publishes beside the six monthly runs.
    assert all(json.loads(line)["version"] >= 6 for line in scores)
    stands = json.loads(ask("benefits", account[1], "--json").stdout)
    assert (stands["score"], stands["score_version"]) == (explained["score"], explained["version"])
    assert {line["status"] for line in stands["benefits"]} <= {"in force", "not reached"}
    assert f"at a score of {stands['score']}" in ask("benefits", account[1]).stdout
    tiers = ask("tail", "tiers", "--once", "-n", "1000", "--json").stdout.splitlines()
    # Half a year of one card, however well kept, reaches no further; and who then pays a month late loses it.
    reached = [json.loads(line) for line in tiers]
    assert {each["tier"] for each in reached} == {"fair", None}
    assert {each["previous_tier"] for each in reached if each["tier"] is None} == {"fair"}
    _look_at_a_record()
    _open_the_page(said, explained["score"])
    refused = ask("tail", "rejected", "bank", "--once", "-n", "100").stdout
    assert refused.startswith("bank ")

    _send_samples(tmp_path)


def _open_the_page(said: str, score: int) -> None:
    """It ends with a link that opens the page, on which the person reads the same score."""
    link = said.split()[-1]
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(link)
    assert (page.status_code, page.url.path) == (200, "/me"), link
    assert f">{score}<" in page.text


def _look_at_a_record() -> None:
    changes = ask("tail", "records", "--once", "-n", "100", "--json").stdout.splitlines()
    last = {change["record_id"]: change for change in map(json.loads, changes)}
    assert last
    for change in last.values():
        # The line of `tail` shows the beginning of a user_id, and any command takes that.
        records = map(json.loads, ask("records", change["user_id"][:16], "--json").stdout.splitlines())
        (record,) = [each for each in records if each["record_id"] == change["record_id"]]
        assert (record["kind"], record["status"], record["ended_on"]) == (
            "card.overdue",
            change["status"],
            change["ended_on"],
        )
        readable = ask("records", change["user_id"]).stdout
        assert "Credit card overdue" in readable
        assert ("goes on" in readable) == (record["ended_on"] is None)


def _send_samples(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    sample = ask("partner", "sample", "bank", "--count", "20")
    assert sample.exit_code == 0, sample.stderr
    file.write_text(sample.stdout)
    sent = ask("partner", "send", "bank", str(file))
    # The samples' loans may be later than behavior can be, and so refused; nothing else may be wrong with them.
    assert "20 events sent: " in sent.stdout, sent.stderr
    file.write_text(sample.stdout + "{}\n")
    sent = ask("partner", "send", "bank", str(file), "--json")
    assert sent.exit_code == 1
    verdicts = [json.loads(line) for line in sent.stdout.splitlines()]
    assert [v["line"] for v in verdicts] == list(range(1, 22))
    assert (verdicts[-1]["result"], verdicts[-1]["code"]) == ("refused", "envelope-data")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(data: Path, number: signal.Signals) -> None:
    argv = [sys.executable, "-m", "goodstanding.cli", "demo", "--data", str(data)]
    demo = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
    settings = FixedSettings.new(zone=source.zone.key, currency=source.currency, clock="stepped")
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
