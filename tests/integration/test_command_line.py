"""A newcomer's way through the command line, on a local stack: from nothing to a score, and back to nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from goodstanding.platform.servers import Servers
from goodstanding.platform.service_process import READY_TIMEOUT_S
from goodstanding.platform.stack import Stack
from shared.contracts import zones
from shared.contracts.messages import TYPES, Refusal
from shared.contracts.subject import SubjectAnswer
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    SCORES_CHANGED,
    SERVICES,
    SUBJECT_ANSWERS,
    TIERS_CHANGED,
    dead_letter_topic,
    rejected_topic,
    topics,
)
from shared.kafka.topic_admin import administrator
from shared.settings import ROOT
from tests.support.people import CARD_FILE

_PATIENCE_S = 60.0
ZONE = zones.zone("Asia/Shanghai")


class Newcomer:
    """Types commands, in a terminal of the usual width or into a pipe."""

    def __init__(self, checkout: Path, home: Path) -> None:
        self.checkout, self.home = checkout, home

    def types(self, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
        environment = {**inherited, "GOODSTANDING_HOME": str(self.home), "PYTHONPATH": str(self.checkout)}
        return subprocess.run(
            [sys.executable, "-P", "-m", "goodstanding.cli", *words],
            cwd=self.checkout,
            env={**environment, "COLUMNS": "80"},
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )

    def sends_some(self) -> subprocess.CompletedProcess[str]:
        sample = self.types("partner", "sample", "bank", "--count", "20").stdout
        return self.types("partner", "send", "bank", "-", input=sample)

    def asks(self, *words: str) -> list[dict[str, Any]]:
        """The objects that a command answers in JSON."""
        result = self.types(*words, "--json")
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    """A copy of the code, whose files can be edited; not below pytest's own directory, where Postgres cannot go."""
    directory = Path(tempfile.mkdtemp(prefix="goodstanding-test-"))
    directory.chmod(0o755)
    for part in ("goodstanding", "services", "shared", "policies", "partners", "data"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    person = Newcomer(directory, directory / "home")
    yield person
    person.types("local", "down", "--delete")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def account(newcomer: Newcomer) -> str:
    """Somebody whose score is published."""
    up = newcomer.types("local", "up", "--continuous")
    assert up.returncode == 0, up.stderr
    assert "All of it is running." in up.stdout
    sample = newcomer.types("partner", "sample", "bank", "--count", "40").stdout
    people = {person["person"] for person in newcomer.asks("partner", "sample", "bank", "--count", "40")}
    assert len(people) == 2, "few people, with several events each"
    sent = newcomer.types("partner", "send", "bank", "-", input=sample)
    assert "40 events sent: " in sent.stdout
    return str(min(people))


def test_events_of_ones_own_lead_to_a_score_within_a_minute(newcomer: Newcomer, account: str) -> None:
    began = time.monotonic()
    while (explained := newcomer.types("explain", account)).returncode:
        assert "no score of this person" in explained.stderr
        assert time.monotonic() - began < _PATIENCE_S
    assert re.search(r"^Score \d{3} of ", explained.stdout)
    early = newcomer.types("explain", account, "--on", "2001-01-01")
    assert "There is no score of this person by then: the first one that is kept is of 20" in early.stderr
    months = [each["publication_month"] for each in newcomer.asks("tail", "scores", "--once") if "publication" in each]
    assert all(month is None or re.fullmatch(r"\d{4}-\d{2}", month) for month in months)
    # Sentences are broken by a terminal only, at words; behind that of a hint stands what it comes to.
    table = [line for line in explained.stdout.splitlines() if not re.search(r"\.( \([^()]*\))?$", line)]
    assert max(map(len, table)) <= 80, max(table, key=len)


def test_a_preview_scores_everybody_by_another_policy_and_changes_nothing(newcomer: Newcomer, account: str) -> None:
    people = {each["person"] for each in newcomer.asks("partner", "sample", "bank", "--count", "40")}
    before = {each["user_id"]: each for person in people for each in newcomer.asks("explain", person)}
    [same] = newcomer.asks("policy", "preview", "policies/scorecard.toml")
    assert (same["people"], same["up"], same["down"], same["movers"]) == (2, 0, 0, []), "the same rules, in force now"
    assert same["old"] == same["new"], "by the id that this deployment publishes, which is continuous"
    shutil.copy(CARD_FILE, newcomer.checkout / "plain.toml")
    picture = newcomer.checkout / "preview.svg"
    [found] = newcomer.asks("policy", "preview", "plain.toml", "--plot", str(picture))
    assert "2 people" in picture.read_text(encoding="utf-8")
    assert {found["old"]} == {each["policy"] for each in before.values()}
    [everybody] = found["segments"]
    assert everybody["people"] == sum(band["new"] for band in found["bands"]) == 2
    assert everybody["mean_old"] == sum(each["score"] for each in before.values()) / 2
    scores = {each["user_id"]: (each["old"], each["new"]) for each in found["movers"]}
    assert {user_id: old for user_id, (old, _) in scores.items()}.items() <= {
        user_id: each["score"] for user_id, each in before.items()
    }.items()
    # The other way round it is the mirror.
    [back] = newcomer.asks("policy", "preview", "policies/scorecard.toml", "--against", "plain.toml")
    assert {each["user_id"]: (each["new"], each["old"]) for each in back["movers"]} == scores
    shown = newcomer.types("policy", "preview", "plain.toml")
    assert re.search(r"^\S+ -> plain@\w+: 2 people, ", shown.stdout)
    assert {each["user_id"]: each for person in people for each in newcomer.asks("explain", person)} == before


def test_a_preview_judges_everybody_by_another_tier_table(newcomer: Newcomer, account: str) -> None:
    [same] = newcomer.asks("policy", "preview", "policies/benefits.toml")
    assert (same["people"], same["tiers"], same["crossing"]) == (2, [], []), "the same table, in force now"
    table = (newcomer.checkout / "policies" / "benefits.toml").read_text(encoding="utf-8")
    (newcomer.checkout / "tiers.toml").write_text(table.replace("from = 600", "from = 351"), encoding="utf-8")
    [found] = newcomer.asks("policy", "preview", "tiers.toml")
    standing = newcomer.asks("benefits", account)[0]
    crosses = standing["tier"] is None and not standing["thin"]
    assert bool(found["tiers"]) == crosses
    shown = newcomer.types("policy", "preview", "tiers.toml")
    assert re.search(r"^start@\w+ -> start@\w+: 2 people\.", shown.stdout)


def test_what_one_command_prints_another_takes(newcomer: Newcomer, account: str) -> None:
    user_id = newcomer.types("user-id", account).stdout.strip()
    line = next(
        line
        for line in newcomer.types("tail", "scores", "--once").stdout.splitlines()
        if user_id.startswith(line.split()[1])
    )
    day, shown = line.split()[:2]
    for command in ("explain", "records", "benefits"):
        assert newcomer.asks(command, shown) == newcomer.asks(command, account)
    [explained] = newcomer.asks("explain", shown)
    local = datetime.fromisoformat(explained["as_of"]).astimezone(ZONE)
    assert datetime.fromisoformat(explained["as_of"]).utcoffset() is not None, "JSON keeps instants"
    scores = newcomer.asks("tail", "scores", "--once", "--last", "1000")
    days = {f"{datetime.fromisoformat(each['as_of']).astimezone(ZONE):%Y-%m-%d}" for each in scores}
    assert {day, f"{local:%Y-%m-%d}"} <= days
    assert sum(line["points"] for line in explained["lines"]) == explained["score"]
    assert all(line["sentence"] for line in explained["lines"])
    unknown = newcomer.types("explain", "0" * 16)
    assert (unknown.returncode, "has a user_id that begins with" in unknown.stderr) == (1, True)


def test_a_score_is_explained_in_words_on_a_page_and_over_time(
    newcomer: Newcomer, account: str, tmp_path: Path
) -> None:
    told = newcomer.types("explain", account).stdout
    for heading in ("How it sums up", "Where most points are missing", "Why it is not higher", "What would raise it"):
        assert heading in told
    assert "分数构成" in newcomer.types("explain", account, "--language", "zh").stdout
    items = newcomer.types("explain", account, "--items").stdout
    assert "Everybody begins with 350 points." in items
    page, drawing = tmp_path / "score.html", tmp_path / "score.svg"
    written = newcomer.types("explain", account, "--html", str(page), "--svg", str(drawing))
    assert (written.returncode, written.stdout) == (0, "")
    assert "<svg" in page.read_text(encoding="utf-8")
    assert drawing.read_text(encoding="utf-8").startswith("<svg")
    assert newcomer.types("explain", account, "--html", "-").stdout == page.read_text(encoding="utf-8")
    both = newcomer.types("explain", account, "--html", "-", "--json")
    assert (both.returncode, "Standard output has the answer" in both.stderr) == (1, True)
    nowhere = newcomer.types("explain", account, "--html", str(tmp_path / "none" / "score.html"))
    assert (nowhere.returncode, "cannot be written" in nowhere.stderr) == (1, True)
    published = newcomer.asks("history", account)
    assert [each["version"] for each in published] == sorted(each["version"] for each in published)
    for before, now in pairwise(published):
        assert now["score"] - before["score"] == now["change"] == sum(now["causes"].values())
    assert str(published[-1]["score"]) in newcomer.types("history", account).stdout


def test_records_fit_a_terminal_with_amount_and_whole_ids(newcomer: Newcomer, account: str) -> None:
    found = newcomer.asks("records", account)
    assert found
    told = newcomer.types("records", account).stdout
    assert max(map(len, told.splitlines())) <= 80
    for record in found:
        assert f"reported by {record['partner']} as {record['report_id']}" in told
        if record["amount"] is not None:
            assert f"CNY {record['amount'] // 100:,}." in told


def test_status_and_logs_say_where_everything_is(newcomer: Newcomer, account: str) -> None:
    *parts, platform = newcomer.asks("local", "status")
    assert all(part["ready"] and Path(part["log"]).exists() for part in parts)
    assert (platform["ready"], platform["home"], platform["edited"]) == (True, str(newcomer.home), [])
    assert (platform["clock"], platform["cadence"]) == ("system", "continuous")
    assert f"Data: {newcomer.home}" in newcomer.types("local", "status").stdout
    shown = newcomer.types("local", "logs", "scorer", "--last", "1").stdout.splitlines()
    assert shown[0] == f"scorer: {newcomer.home / 'services' / 'scorer.log'}"
    assert json.loads(shown[1])["service"] == "scorer"


def test_the_doctor_finds_nothing_wrong_with_a_healthy_platform(newcomer: Newcomer, account: str) -> None:
    found = newcomer.asks("doctor")
    assert [each for each in found if each["verdict"] != "ok"] == []
    about = {each["about"]: each["sentence"] for each in found}
    assert about["processes"] == "kafka, postgres, ingest, retention, scorer, benefits are ready."
    assert all(about[f"service {name}"].startswith("1 process in its group") for name in SERVICES)
    assert newcomer.types("doctor").stdout.endswith(f"All {len(found)} examinations found nothing wrong.\n")


def test_on_a_platform_at_rest_no_record_waits(newcomer: Newcomer, account: str) -> None:
    """The markers of transactions stand behind what each service has handled, and are no records."""
    expected = {f"service {name}: 1 process in its group, and 0 records wait." for name in SERVICES}
    began = time.monotonic()
    while not expected <= (said := {f"{each['about']}: {each['sentence']}" for each in newcomer.asks("doctor")}):
        assert time.monotonic() - began < _PATIENCE_S, said


def test_the_doctor_names_a_service_that_has_ended_and_a_topic_that_was_changed(
    newcomer: Newcomer, account: str
) -> None:
    [benefits] = [each for each in newcomer.asks("local", "status") if each["name"] == "benefits"]
    os.kill(benefits["pid"], signal.SIGKILL)
    [raw] = [topic for topic in topics(["hotel"]) if topic.name == "behavior.raw.hotel"]
    asyncio.run(_set(newcomer, raw.name, {**raw.settings(1), "retention.ms": "1000"}))
    try:
        seen = newcomer.types("doctor", "--json")
        wrong = {
            each["about"]: each for each in map(json.loads, seen.stdout.splitlines()) if each["verdict"] == "wrong"
        }
        assert seen.returncode == 1
        # Kafka gives a silent process ten seconds before it is out of its group.
        assert {"benefits", "topics"} <= wrong.keys() <= {"benefits", "service benefits", "topics"}
        assert wrong["benefits"]["sentence"] == "It is not ready: not running."
        assert "behavior.raw.hotel: retention.ms is 1000, not " in wrong["topics"]["sentence"]
        assert "kafka-configs" in wrong["topics"]["remedy"]
        assert wrong["topics"]["remedy"].endswith(f"--add-config retention.ms={raw.settings(1)['retention.ms']}")
    finally:
        asyncio.run(_set(newcomer, raw.name, raw.settings(1)))
        assert newcomer.types("local", "up").returncode == 0
    assert newcomer.types("doctor").returncode == 0


async def _set(newcomer: Newcomer, topic: str, settings: Mapping[str, str]) -> None:
    async with administrator(Servers(newcomer.home).addresses.kafka) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(settings))])


def test_starting_again_says_that_all_of_it_runs(newcomer: Newcomer, account: str) -> None:
    again = newcomer.types("local", "up")
    assert (again.returncode, "All of it was running before." in again.stdout) == (0, True)


def test_a_file_that_was_edited_since_a_service_read_it_is_named(newcomer: Newcomer, account: str) -> None:
    mapping = newcomer.checkout / "partners" / "bank.toml"
    before = mapping.read_bytes()
    try:
        mapping.write_bytes(before + b"\n# edited\n")
        sentence = "partners/bank.toml has been edited since ingest read it ("
        assert sentence in " ".join(newcomer.types("local", "status").stdout.split())
        assert sentence in " ".join(newcomer.types("local", "up").stdout.split())
        sent = newcomer.types("partner", "send", "bank", "-", "--json", input="{}\n")
        edited, unforeseen = [json.loads(line)["warning"] for line in sent.stderr.splitlines()]
        assert sentence in edited
        assert "cannot be foreseen" in unforeseen
        other = newcomer.types("partner", "send", "hotel", "-", "--json", input="{}\n")
        assert other.stderr == "", "another partner's mapping has no say"
    finally:
        mapping.write_bytes(before)
    *_, platform = newcomer.asks("local", "status")
    assert platform["edited"] == []
    scorecard = newcomer.checkout / "policies" / "scorecard.toml"
    before = scorecard.read_bytes()
    try:
        scorecard.write_bytes(b"unheard_of = 1\n" + before)
        *_, platform = newcomer.asks("local", "status")
        fault, told = platform["edited"]
        assert re.search(r"scorecard\.toml:1: .*unheard_of.* would not start again with this\.$", fault)
        assert told.startswith("policies/scorecard.toml has been edited since scorer read it (")
        assert "local up" not in told
    finally:
        scorecard.write_bytes(before)


def test_an_event_is_not_foreseen_by_a_mapping_that_ingest_has_not_read(newcomer: Newcomer, account: str) -> None:
    mapping = newcomer.checkout / "partners" / "bank.toml"
    sample = newcomer.types("partner", "sample", "bank", "--count", "3", "--seed", "5").stdout
    before = mapping.read_text()
    try:
        # By the file as it is now every one of these events would be refused.
        mapping.write_text(before.replace('subject = "customer.account"', 'subject = "customer.number"'))
        sent = newcomer.types("partner", "send", "bank", "-", input=sample)
        assert "3 events sent: 3 taken by ingest." in sent.stdout, sent.stderr
        mapping.write_text(before)
        sent = newcomer.types("partner", "send", "bank", "-", input=sample)
        assert "3 events sent: 3 repeated." in sent.stdout, sent.stderr
    finally:
        mapping.write_text(before)


def test_a_partner_whose_topics_are_not_made_is_told_how_to_make_them(newcomer: Newcomer, account: str) -> None:
    mapping = newcomer.checkout / "partners" / "ferry.toml"
    shutil.copy(newcomer.checkout / "partners" / "bank.toml", mapping)
    try:
        sent = newcomer.types("partner", "send", "ferry", "-", input="{}\n")
        assert sent.returncode == 1
        assert "There is no topic behavior.raw.ferry. Make it: " in sent.stderr
        assert "Traceback" not in sent.stderr
        followed = newcomer.types("tail", "rejected", "ferry", "--once")
        assert followed.stderr.startswith("goodstanding: There is no topic behavior.rejected.ferry. Make it: ")
        assert newcomer.types("tail", "rejected", "--once").returncode == 0, "of the others there is news all the same"
    finally:
        mapping.unlink()


def test_no_metric_has_a_twin_that_says_when_it_was_made(newcomer: Newcomer, account: str) -> None:
    for part in newcomer.asks("local", "status"):
        if part["name"] in ("ingest", "scorer"):
            with urlopen(f"http://{part['address']}/metrics") as page:
                assert b"_created" not in page.read()


def test_no_log_of_a_start_warns(newcomer: Newcomer, account: str) -> None:
    for part in newcomer.asks("local", "status"):
        if part["name"] in ("ingest", "scorer", "retention", "benefits"):
            lines = [json.loads(line) for line in Path(part["log"]).read_text().splitlines()]
            assert [line for line in lines if "topic creation" in str(line) or "auto" in str(line.get("event"))] == []


_ODD: list[list[tuple[str, bytes | None]]] = [
    [],
    [("ce_origin", b"\xff"), ("ce_type", b"\xff")],
    [("ce_origin", None), ("ce_type", None), ("ce_code", None)],
    [("ce_type", TYPES[Refusal].encode()), ("ce_code", b"x"), ("ce_origin", b"x")],
    [("ce_type", TYPES[SubjectAnswer].encode())],
]


def test_an_older_postgres_is_told_of_at_once_and_services_wait_for_the_operator(
    newcomer: Newcomer, account: str
) -> None:
    data, copy = newcomer.home / "postgres", newcomer.home / "copy"
    assert newcomer.types("local", "down").returncode == 0
    subprocess.run(["cp", "--archive", data, copy], check=True)
    assert newcomer.types("local", "up").returncode == 0
    before = len(newcomer.asks("tail", "scores", "--once", "--last", "1000"))
    stays = newcomer.types("partner", "sample", "hotel", "--count", "40").stdout
    newcomer.types("partner", "send", "hotel", "-", input=stays)
    began = time.monotonic()
    while len(newcomer.asks("tail", "scores", "--once", "--last", "1000")) == before:
        assert time.monotonic() - began < _PATIENCE_S
    assert newcomer.types("local", "down").returncode == 0
    shutil.rmtree(data)
    copy.rename(data)

    up = newcomer.types("local", "up")
    told, *lines = up.stderr[up.stderr.index("goodstanding:") :].strip().split("\n")
    assert (up.returncode, "stand still until you decide" in told) == (1, True), up.stderr
    waiting = [line.partition(":")[0] for line in lines]
    assert "scorer" in waiting
    for service, line in zip(waiting, lines, strict=True):
        said = f"{service}: Postgres is older than Kafka, or somebody else has written there. Decide: "
        assert line.startswith(said)
        assert line.endswith(f" offsets accept {service}")
    status = newcomer.types("local", "status", "--json").stdout.splitlines()
    running = {part["name"]: part["pid"] for part in map(json.loads, status) if part["name"] in SERVICES}
    assert all(running[service] for service in SERVICES), "they wait by themselves"

    def wrong() -> list[dict[str, Any]]:
        found = map(json.loads, newcomer.types("doctor", "--json").stdout.splitlines())
        return [each for each in found if each["verdict"] == "wrong"]

    assert [each["about"] for each in wrong()] == [f"service {service}" for service in waiting], "the cause, and once"
    os.kill(running["scorer"], signal.SIGKILL)
    [scorer] = [each for each in wrong() if "scorer" in each["about"]]
    assert scorer["remedy"] == "Decide: goodstanding offsets check scorer; then start it: goodstanding local up"
    for service in waiting:
        assert newcomer.types("offsets", "accept", service, "--yes").returncode == 0
    check = newcomer.types("offsets", "check", "scorer")
    given = "scorer: your word is given; the service takes it up when it runs.\n"
    assert (check.returncode, check.stdout) == (0, given)
    assert newcomer.types("local", "up").returncode == 0
    assert newcomer.types("offsets", "check").stdout == "Kafka and Postgres agree: nothing waits for your word.\n"


async def test_a_clock_that_has_jumped_is_told_of_at_once_and_services_wait_for_the_operator(
    newcomer: Newcomer, account: str
) -> None:
    assert newcomer.types("local", "down").returncode == 0
    addresses = await asyncio.to_thread(Servers(newcomer.home).up)
    db = await asyncpg.connect(addresses.postgres)
    for service in ("scorer", "benefits"):
        await db.execute(f"update {service}.deployment set last_seen = last_seen - interval '40 days'")
    await db.close()

    began = time.monotonic()
    up = await asyncio.to_thread(newcomer.types, "local", "up")
    assert time.monotonic() - began < READY_TIMEOUT_S, "nobody waits for what only the operator can decide"
    told, *lines = up.stderr[up.stderr.index("goodstanding:") :].strip().split("\n")
    assert up.returncode == 1
    assert "the clock has jumped by more than a month: these services stand still until you decide" in told
    for service, line in zip(("scorer", "benefits"), lines, strict=True):
        assert re.match(
            rf"{service}: this machine's clock shows [\d-]+, and the last time known is [\d-]+\. Decide: ", line
        )
        assert line.endswith(f" clock accept {service}")
        assert (await asyncio.to_thread(newcomer.types, "clock", "accept", service, "--yes")).returncode == 0
    assert (await asyncio.to_thread(newcomer.types, "local", "up")).returncode == 0


async def test_what_a_stranger_has_written_ends_no_command(newcomer: Newcomer, account: str) -> None:
    """Nobody is kept out of Kafka yet: what cannot be read is said beside the answer, or passed over."""
    [address] = [part["address"] for part in newcomer.asks("local", "status") if part["name"] == "kafka"]
    looks = {
        SCORES_CHANGED: ("tail", "scores"),
        TIERS_CHANGED: ("tail", "tiers"),
        RECORDS_CHANGED: ("tail", "records"),
        SUBJECT_ANSWERS: ("tail", "answers"),
        rejected_topic("bank"): ("tail", "rejected"),
        dead_letter_topic("scorer"): ("dead-letters", "ls"),
    }
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for topic in looks:
            for key, value, headers in itertools.product((b"\xff", b"1" * 64), (b"\xff", b"[]", b"{}", None), _ODD):
                await producer.send_and_wait(topic, value, key, partition=0, headers=headers)
        for topic, words in looks.items():
            last = () if words[0] == "dead-letters" else ("--once", "--last", "1000")
            result = await asyncio.to_thread(newcomer.types, *words, *last, "--json")
            assert result.returncode == 0, f"{topic}: {result.stderr}"
            told = [json.loads(line) for line in (result.stdout + result.stderr).splitlines()]
            assert all("error" not in each for each in told), topic
            assert topic == SUBJECT_ANSWERS or told, "what the services have written is there"

        sending = asyncio.create_task(asyncio.to_thread(newcomer.sends_some))
        while not sending.done():
            for headers in _ODD:
                await producer.send_and_wait(NORMALIZED, b"{}", b"0" * 64, partition=0, headers=headers)
    sent = await sending
    assert (sent.returncode, sent.stderr) == (0, ""), sent.stdout


def test_a_stopped_kafka_is_one_sentence(newcomer: Newcomer, account: str) -> None:
    stack = Servers(newcomer.home)
    stack.kill("kafka")
    try:
        result = newcomer.types("tail", "scores", "--once")
        assert (result.returncode, result.stdout) == (1, "")
        [line] = result.stderr.strip().split("\n")
        assert line.startswith("goodstanding: A server does not answer")
        told = newcomer.types("dead-letters", "ls", "--json")
        assert json.loads(told.stderr)["error"].startswith("A server does not answer")
        assert "AddressFamily" not in line
        *parts, platform = (
            json.loads(each) for each in newcomer.types("local", "status", "--json").stdout.splitlines()
        )
        assert not any(part["ready"] for part in (*parts, platform) if part["name"] != "postgres")
        found = [json.loads(line) for line in newcomer.types("doctor", "--json").stdout.splitlines()]
        assert {each["about"]: each["verdict"] for each in found}["the rest"] == "look"
        assert [each["about"] for each in found].count("kafka") == 2, "its process, and that it cannot be asked"
        assert "services" not in {each["about"] for each in found}, "what rests on it is not asked"
    finally:
        stack.start("kafka")


def test_stopping_says_what_was_stopped(newcomer: Newcomer, account: str) -> None:
    """The last of the module."""
    assert newcomer.types("local", "down").stdout == f"Stopped. The data are in {newcomer.home}.\n"
    again = newcomer.types("local", "down")
    assert again.stdout == f"Nothing was running. The data are in {newcomer.home}.\n"
    assert newcomer.asks("local", "down", "--delete") == [
        {"stopped": False, "deleted": True, "home": str(newcomer.home)}
    ]
    assert Stack(newcomer.home).is_new
