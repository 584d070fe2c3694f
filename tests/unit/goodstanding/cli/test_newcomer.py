"""What a newcomer meets in the first hour: each failure is a sentence, and each answer is true."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError
from rich.console import Console

from goodstanding import policies
from goodstanding.cli import dead_letters, figures, frame, partner, tail
from goodstanding.dead_letters.letters import Letter, State
from goodstanding.errors import UserError
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.sending import Sent
from goodstanding.partner.verdicts import Result, Verdict
from goodstanding.person.held import state_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.stack import Stack
from goodstanding.reading.offsets import asking
from goodstanding.waiting_for_word import Waiting
from shared.contracts import zones
from shared.contracts.kinds import KINDS
from shared.runner.one_story.operator_word import Found
from shared.settings import ROOT
from tests.support.command_line import ask

STANDS_AT = datetime(2025, 3, 6, 4, tzinfo=UTC)
NOBODY = "127.0.0.1:1"
COURT = "notice;published_date;published_time;action;account;court;year;number;since;released;yuan;dispute;certificate"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A demo's platform that was left up, and whose servers are gone."""
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path))
    monkeypatch.setenv("GOODSTANDING_KAFKA", NOBODY)
    monkeypatch.setenv("GOODSTANDING_POSTGRES", f"postgresql://postgres@{NOBODY}/postgres")
    addresses = Addresses(kafka=NOBODY, postgres=f"postgresql://postgres@{NOBODY}/postgres")
    return Deployment.create(tmp_path / "services", addresses, FixedSettings.new(clock="stepped"))


@pytest.mark.parametrize("words", [("sample", "bank"), ("validate", "bank", "-"), ("send", "bank", "-")])
def test_a_demos_clock_that_cannot_be_read_is_one_sentence(demo: Deployment, words: tuple[str, ...]) -> None:
    result = ask("partner", *words, input="{}\n")
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True), result.exception
    assert "The demo's clock, by which events are judged here, cannot be read" in result.stderr
    assert "AddressFamily" not in result.stderr


def test_a_cancellation_that_the_library_lets_out_is_that_sentence_too(
    demo: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leaks(_: Deployment) -> NoReturn:
        raise asyncio.CancelledError

    monkeypatch.setattr(Deployment, "now", leaks)
    result = ask("partner", "validate", "bank", "-", input="{}\n")
    assert (result.exit_code, "The demo's clock" in result.stderr) == (1, True)


def test_who_is_judged_by_a_demos_clock_is_told(demo: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stands(_: Deployment) -> datetime:
        return STANDS_AT

    monkeypatch.setattr(Deployment, "now", stands)
    told = ask("partner", "validate", "bank", "-", input="{}\n").stdout
    assert told.count("Judged by the demo's clock, 2025-03-06.") == 1
    [verdict] = map(json.loads, ask("partner", "validate", "bank", "-", "--json", input="{}\n").stdout.splitlines())
    assert verdict["judged_on"] == "2025-03-06"


@pytest.mark.parametrize(
    "error",
    [UnknownTopicOrPartitionError(), asyncio.CancelledError(), ConnectionRefusedError("('127.0.0.1', 9092)")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_server_does_to_a_command_is_a_sentence(
    demo: Deployment, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    async def fails(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Deployment, "ensure_topics", fails)
    for as_json in ((), ("--json",)):
        result = ask("topics", *as_json)
        assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True), result.exception
        assert "goodstanding local up" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_samples_of_one_day_are_the_same_events(monkeypatch: pytest.MonkeyPatch, demo: Deployment) -> None:
    instants = (datetime(2025, 3, 6, hour, tzinfo=UTC) for hour in (4, 9))

    async def goes_on(_: Deployment) -> datetime:
        return next(instants)

    monkeypatch.setattr(Deployment, "now", goes_on)
    first, second = (ask("partner", "sample", "bank", "--count", "50").stdout for _ in range(2))
    assert first == second != ""


def test_a_line_of_column_names_is_none_of_the_events() -> None:
    assert ";".join(getattr(mapping_of("court-feed"), "columns")) == COURT  # noqa: B009  # of a union
    for text in (COURT, f"\ufeff{COURT}\r"):
        told = ask("partner", "validate", "court-feed", "-", input=f"{text}\n")
        assert "has no events in it" in told.stderr
    told = ask("partner", "validate", "court-feed", "-", input=f"{COURT.replace('notice', 'number_of_notice')}\n")
    assert "Line 1 of - names columns that are not those of the mapping." in told.stderr


def test_a_column_without_use_is_named_with_what_to_write(tmp_path: Path) -> None:
    file = tmp_path / "court-feed.toml"
    file.write_text(
        (ROOT / "partners" / "court-feed.toml").read_text().replace('"certificate"]', '"certificate", "items"]')
    )
    told = ask("policy", "check", str(file)).stdout
    assert 'The column "items" is neither read nor ignored. Read it, or write: ignore = ["items"].' in told


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'[{"a": 1},\n {"a": 2}]\n', "is one JSON array."),
        ("{}\n".encode("utf-16"), "is written in UTF-16."),
        ("{}\n".encode("utf-32"), "is written in UTF-32."),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "stands on several lines."),
    ],
)
def test_a_file_without_lines_of_events_is_named_as_what_it_is(tmp_path: Path, content: bytes, fault: str) -> None:
    file = tmp_path / "events"
    file.write_bytes(content)
    result = ask("partner", "validate", "bank", str(file))
    assert (result.exit_code, fault in result.stderr) == (1, True)


def test_many_equal_faults_are_counted() -> None:
    told = ask("partner", "validate", "bank", "-", input="{}\n" * 30).stdout.splitlines()
    assert len(told) == 22
    assert told[20:] == ["10 more lines with envelope-data, up to line 30.", "30 events checked: 30 refused."]
    assert len(ask("partner", "validate", "bank", "-", "--json", input="{}\n" * 30).stdout.splitlines()) == 30


def test_a_slip_in_a_policy_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    card = tmp_path / "policies" / "scorecard.toml"
    card.write_text(card.read_text().replace("credit_history = 210", "credit_history = 211"))
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(policies, "_POLICIES", tmp_path / "policies")
    for words in (("local", "up"), ("local", "up", "--continuous"), ("demo",)):
        result = ask(*words)
        assert (result.exit_code, "Starting" in result.output) == (1, False)
        assert f"{card}:16: dimensions" in result.stderr
    assert Stack(tmp_path / "home").is_new


@pytest.mark.parametrize(
    ("file", "right", "wrong", "words"),
    [
        ("partners/bank.toml", 'format = "json"', 'format = "jsn"', "csv, fixed, json, native"),
        ("partners/court-feed.toml", 'unit = "major"', 'unit = "yuan"', "major, minor"),
        ("partners/court-feed.toml", 'records = ["legal"]', 'records = ["law"]', "financial, legal, life"),
        ("policies/scorecard.toml", '"monthly"', '"hourly"', "continuous, monthly"),
    ],
)
def test_a_word_that_is_none_is_told_with_those_there_are(
    tmp_path: Path, file: str, right: str, wrong: str, words: str
) -> None:
    text = (ROOT / file).read_text()
    assert right in text
    copy = tmp_path / Path(file).name
    copy.write_text(text.replace(right, wrong, 1))
    told = ask("policy", "check", str(copy)).stdout
    listed = told.partition("Say one of: ")[2].strip().rstrip(".").split(", ")
    assert sorted(listed) == words.split(", "), told


def test_all_kinds_are_listed_with_shape_and_fields() -> None:
    told = {kind["kind"]: kind for kind in map(json.loads, ask("partner", "kinds", "--json").stdout.splitlines())}
    assert list(told) == [kind.name for kind in KINDS]
    assert told["transit.fare"]["needs"] == ["days_late"]
    assert told["shop.purchase"]["may_have"] == ["count", "amount", "reverses"]
    assert told["credit_card.statement"]["may_have"] == ["count", "amount", "limit", "reverses"]
    assert "transit.fare: " in ask("partner", "kinds").stdout


@pytest.mark.parametrize(
    ("code", "rests_on", "told"),
    [
        ("transit-on-time", {}, "unknown"),
        ("transit-on-time", {"value": 985, "observations": 12}, "98.5 %, observations 12"),
        ("transit-on-time", {"value": 10**18 + 5, "observations": 1}, "100,000,000,000,000,000.5 %, observations 1"),
        ("steady-income", {"value": 10**18 + 7, "observations": 3}, "CNY 10,000,000,000,000,000.07, observations 3"),
        ("length-of-history", {"value": 1, "observations": 1}, "1 month, observations 1"),
        ("credit-worst-lateness", {"value": 30, "observations": 1}, "30 days, observations 1"),
        ("steady-income", {"value": 123456, "observations": 3}, "CNY 1,234.56, observations 3"),
        ("verified-identity", {"value": "verified", "observations": 1}, "verified, observations 1"),
        ("variety", {"value": 3, "observations": 9}, "3, observations 9"),
        ("base", {}, ""),
        ("negative-records", {"life_unsettled": 1}, "life unsettled 1"),
        ("kept-on-time", {"amount": 123456, "month": 2025 * 12 + 2}, "amount CNY 1,234.56, month 2025-03"),
    ],
)
def test_an_explanation_is_written_for_people(code: str, rests_on: Any, told: str) -> None:
    assert figures.rests_on(code, rests_on, policies.units_by_code(), "CNY") == told


def test_an_entry_is_broken_between_words_and_set_in(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(force_terminal=True, width=80, highlight=False)
    monkeypatch.setattr(frame, "console", screen)
    change = {"user_id": "ab" * 32, "record_id": "cd" * 32, "kind": "credit_card.overdue", "status": "expired"}
    line = tail._record_line({**change, "began_on": "2020-01-01", "ended_on": "2020-02-01"}, UTC)
    assert "lapsed" in line.split()
    assert "expired" not in line
    with screen.capture() as shown:
        frame.tell_entry(line)
    first, *others = shown.get().splitlines()
    assert others
    assert all(len(each) <= 80 for each in (first, *others))
    assert all(each.startswith("    ") for each in others)
    assert shown.get().split() == line.split()


@pytest.mark.parametrize(
    ("status", "ended_on", "state"),
    [
        ("open", None, "open"),
        ("open", "2020-02-01", "settled"),
        ("settled", "2020-02-01", "settled"),
        ("disputed", "2020-02-01", "disputed"),
        ("confirmed", "2020-02-01", "confirmed"),
    ],
)
def test_what_ends_at_once_is_settled_wherever_it_is_read(status: str, ended_on: str | None, state: str) -> None:
    """(rules R5)"""
    change = {"user_id": "ab" * 32, "record_id": "cd" * 32, "kind": "hotel.no_show", "status": status}
    assert state_of(status, ended_on) == state
    assert state in tail._record_line({**change, "ended_on": ended_on}, UTC).split()


async def _nothing(*_: object, **__: object) -> AsyncIterator[ConsumerRecord]:
    for none in list[ConsumerRecord]():
        yield none


@pytest.mark.parametrize(("words", "is_told"), [((), True), (("--json",), False), (("--last", "0"), False)])
def test_a_topic_with_nothing_on_it_says_so(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], is_told: bool
) -> None:
    monkeypatch.setattr(tail, "reached", lambda: ("127.0.0.1:9", None))
    monkeypatch.setattr(tail, "tail", _nothing)
    result = ask("tail", "disputes", "hotel", "--once", *words)
    assert (result.exit_code, result.stdout) == (0, "")
    assert ("Nothing is there so far." in result.stderr) == is_told


def test_a_topic_of_which_nothing_can_be_read_is_not_called_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged(*_: object, **__: object) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(topic="disputes.hotel", partition=0, offset=3)

    def cannot(_: object) -> NoReturn:
        raise UserError("It is not JSON.")

    monkeypatch.setattr(tail, "reached", lambda: ("127.0.0.1:9", None))
    monkeypatch.setattr(tail, "tail", damaged)
    monkeypatch.setattr(tail, "_question", cannot)
    told = ask("tail", "disputes", "hotel", "--once").stderr
    assert "disputes.hotel/0/3 cannot be read" in told
    assert "Nothing is there" not in told


def test_what_became_of_events_is_told_though_their_mapping_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the lines that wait for the report of their record are named, as many as can be read at a glance."""

    async def sent(*_: object, **__: object) -> Sent:
        return Sent([Verdict(1, Result.ACCEPTED)], waiting=range(1, 24))

    def gone(*_: object) -> NoReturn:
        raise UserError("There is no partner bank.")

    for name, instead in {"reached": lambda: ("127.0.0.1:9", None), "send": sent, "compiled": gone}.items():
        monkeypatch.setattr(partner, name, instead)
    result = ask("partner", "send", "bank", "-", input="{}\n")
    assert result.exit_code == 0, result.stderr
    told = " ".join(result.stdout.split())
    assert "lines 1, 2, 3," in told
    assert " 19, 20 and 3 more: no record is known" in told
    assert "1 accepted" in told


def test_days_are_those_of_the_deployments_zone() -> None:
    instant = "2026-02-28T16:30:00Z"
    score = {"as_of": instant, "user_id": "ab" * 32, "score": 700, "version": 1, "thin": False, "restrictions": []}
    tier = {"as_of": instant, "user_id": "ab" * 32, "version": 1, "tier": None, "restrictions": []}
    record = {"user_id": "ab" * 32, "record_id": "cd" * 32, "status": "settled", "lapses_at": instant}
    refusal = {
        "refused_at": instant,
        "code": "too-late",
        "field": "",
        "eventid": "e",
        "sentence": ".",
        "partner": "bank",
    }
    for line, about in (
        (tail._score_line, {**score, "key_factors": []}),
        (tail._tier_line, {**tier, "granted": [], "revoked": []}),
        (tail._record_line, record),
        (tail._refusal_line, {**refusal, "partner": "bank", "origin": "behavior.raw.bank/0/0"}),
    ):
        assert "2026-03-01" in line(about, zones.zone("Asia/Shanghai"))
        assert "2026-02-28" in line(about, UTC)


async def test_a_client_that_is_stopped_lets_no_cancellation_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def leaks(_: AIOKafkaConsumer) -> NoReturn:
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "stop", leaks)
    with pytest.raises(KafkaConnectionError):
        async with asking(NOBODY):
            pass


def test_a_dead_letter_shows_no_none(demo: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    place = "behavior.raw.bank/0/17"
    letter = Letter("ingest", STANDS_AT, "unknown-partner", "Ingest has no mapping.", place, State.THERE)
    record = ConsumerRecord("behavior.raw.bank", 0, 17, 0, 0, None, None, None, 0, 0, (("ce_id", None),))

    async def read(*_: object) -> tuple[Letter, ConsumerRecord]:
        return letter, record

    monkeypatch.setattr(dead_letters, "read_record", read)
    shown = ask("dead-letters", "show", place, "--value")
    assert shown.exit_code == 0, shown.exception
    assert "None" not in shown.stdout


@pytest.mark.parametrize("group", ["offsets", "clock"])
def test_where_nothing_waits_nothing_was_accepted(
    demo: Deployment, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    async def nothing(*_: object) -> list[Waiting]:
        return []

    monkeypatch.setattr("goodstanding.cli.offsets.waiting_for_word", nothing)
    [told] = map(json.loads, ask(group, "accept", "scorer", "--yes", "--json").stdout.splitlines())
    assert told == {"accepted": False, "nothing_waits": True, "waiting": []}


def test_what_waits_is_told_by_the_group_that_it_concerns(demo: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: object) -> list[Waiting]:
        return [Waiting("scorer", shards, Found(token, "s", "r")) for shards, token in (((3,), "kafka"), ((), "time"))]

    monkeypatch.setattr("goodstanding.cli.offsets.waiting_for_word", both)
    for group, token in (("offsets", "kafka"), ("clock", "time")):
        asked = ask(group, "check", "scorer", "--json")
        assert [each["contradiction"] for each in json.loads(asked.stdout)["waiting"]] == [token]
        assert asked.exit_code == 1


def test_help_has_no_type_of_python() -> None:
    for words in (("dead-letters", "redrive"), ("dead-letters", "dismiss"), ("policy", "check")):
        told = ask(*words, "--help").stdout
        assert "list[" not in told
        assert "[[" not in told
        assert "{" not in told
    assert "<topic>/<partition>/<offset>" in ask("dead-letters", "show", "--help").stdout


def test_services_are_not_said_to_be_ready_without_their_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goodstanding.platform.service_process.ServiceProcess.trouble", lambda _: None)
    told = {part.name: part.trouble for part in Stack(tmp_path / "home").status()}
    assert told["kafka"] == "not running"
    assert told["scorer"] == "waits for kafka"


def test_status_has_the_state_of_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    *parts, _ = map(json.loads, ask("local", "status", "--json").stdout.splitlines())
    assert {part["state"] for part in parts} == {"not running"}
