"""`goodstanding score`: what is in files of events becomes scores, each item of them told, with no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State
from shared.contracts.identity import sample_account
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.command_line import ask
from tests.support.people import CARD_FILE, SHIPPED

ACCOUNT, OTHER = sample_account(1), sample_account(2)


@pytest.fixture(autouse=True)
def _nobodys_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    for name in ("GOODSTANDING_KAFKA", "GOODSTANDING_POSTGRES", "GOODSTANDING_KEY"):
        monkeypatch.delenv(name, raising=False)


def cleared(number: int, month: str, days: int = 0, account: str = ACCOUNT, **changes: Any) -> str:
    """A card bill, as the bank tells of it."""
    event = {
        "specversion": "1.0",
        "id": f"bill-{number}",
        "source": "https://bank.example",
        "type": "card.statement.cleared",
        "time": f"{month}-10T08:00:00Z",
        "data": {
            "customer": {"account": account},
            "amount": {"currency": "CNY", "minor": 50_000},
            "days_past_due": days,
        },
    }
    return json.dumps({**event, **changes})


def written(file: Path, *events: str) -> Path:
    file.write_text("\n".join(events) + "\n", encoding="utf-8")
    return file


def answers(*words: str) -> list[dict[str, Any]]:
    result = ask("score", *words, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


YEAR = [cleared(number, f"2025-{number:02}") for number in range(1, 13)]


def points(answer: dict[str, Any]) -> dict[str, int]:
    return {item["code"]: item["points"] for item in answer["items"]}


def test_items_sum_to_the_score_and_say_what_they_rest_on(tmp_path: Path) -> None:
    file = written(tmp_path / "bank.jsonl", *YEAR)
    [found] = answers("--events", str(file), "--on", "2026-01-06")
    assert found["policy"] == SHIPPED.id
    assert sum(points(found).values()) == found["score"]
    assert found["first_event"] == "bank.jsonl:1"
    [share] = [item for item in found["items"] if item["code"] == "credit-on-time"]
    assert share["rests_on"] == {"value": 1000, "observations": 12}


@pytest.mark.parametrize(
    ("day", "months"),
    [("2025-12-31", 11), ("2026-01-01", 12), ("2026-01-31", 12)],
)
def test_complete_months_before_the_day_count(tmp_path: Path, day: str, months: int) -> None:
    file = written(tmp_path / "bank.jsonl", *YEAR)
    [found] = answers("--events", str(file), "--on", day)
    [share] = [item for item in found["items"] if item["code"] == "credit-on-time"]
    assert share["rests_on"]["observations"] == months


def test_order_and_repetitions_do_not_matter(tmp_path: Path) -> None:
    late = cleared(13, "2025-06", days=40)
    one = written(tmp_path / "bank.jsonl", *YEAR, late)
    other = written(tmp_path / "bank.again.jsonl", late, *reversed(YEAR), *YEAR)
    [found], [again] = (answers("--events", str(file), "--on", "2026-01-06") for file in (one, other))
    assert points(found) == points(again)
    assert points(found) != points(answers("--events", str(written(one, *YEAR)), "--on", "2026-01-06")[0])


def test_another_policy_is_one_file_away(tmp_path: Path) -> None:
    file = written(tmp_path / "bank.jsonl", *YEAR)
    [found] = answers("--events", str(file), "--on", "2026-01-06", "--policy", str(CARD_FILE))
    card = load_policy(CARD_FILE, Scorecard)
    assert found["policy"] == card.id
    assert [item["code"] for item in found["items"]][1:3] == [rule.code for rule in card.rules][:2]


def test_several_files_are_of_several_partners(tmp_path: Path) -> None:
    sample = ask("partner", "sample", "utility", "--people", "1", "--json").stdout.splitlines()
    [account] = {json.loads(line)["person"] for line in sample}
    utility = written(tmp_path / "utility.csv", *(json.loads(line)["event"] for line in sample))
    words = ("--events", str(tmp_path / "bank.jsonl"), "--events", str(utility), "--on", "2040-01-01")
    written(tmp_path / "bank.jsonl", cleared(1, "2025-11", account=account))
    assert [each["first_event"] for each in answers(*words)] == ["bank.jsonl:1"], "both tell of one person"
    written(tmp_path / "bank.jsonl", cleared(1, "2025-11", account=OTHER))
    assert [each["first_event"] for each in answers(*words)] == ["bank.jsonl:1", "utility.csv:1"]


def test_a_person_of_a_table_is_named_by_a_line_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of a table are one message; each person is that of a row."""
    (tmp_path / "partners").mkdir()
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    (tmp_path / "partners" / "tram.toml").write_text(
        'format = "csv"\nheader = true\nid = { function = "digest", paths = ["text"] }\nsubject = "who"\n'
        'time = { path = "at", as = "date", at = "noon" }\nzone = "Europe/Berlin"\nkind = { fixed = "event" }\n\n'
        '[[events]]\nkinds = { event = "service.payment" }\n'
        'amount = { path = "sum", unit = "major", currency = "CNY" }\n'
    )
    third = sample_account(3)
    rows = [(ACCOUNT, "a"), ("nobody", "b"), (third, "c"), (OTHER, "d"), (third, "a"), (ACCOUNT, "e")]
    lines = [f"{who},2025-11-10,{text},20.00" for who, text in rows]
    file = written(tmp_path / "tram.csv", "who,at,text,sum", *lines)
    found = answers("--events", str(file), "--on", "2026-01-06")
    assert [each["first_event"] for each in found] == ["tram.csv:2", "tram.csv:4", "tram.csv:5"]


def test_whose_events_they_are(tmp_path: Path) -> None:
    named = written(tmp_path / "events.jsonl", *YEAR)
    [found] = answers("--events", str(named), "--on", "2026-01-06")
    [said] = answers("--events", str(named), "--on", "2026-01-06", "--partner", "bank")
    assert points(found) == points(said)
    nobodys = written(tmp_path / "nobody.jsonl", '{"a": 1}')
    result = ask("score", "--events", str(nobodys), "--on", "2026-01-06")
    assert result.exit_code == 1
    assert "No partner's mapping reads the first event" in " ".join(result.stderr.split())
    assert "Say whose events they are with --partner, one of: bank, " in " ".join(result.stderr.split())


def test_what_does_not_count_is_told_beside_the_answer(tmp_path: Path) -> None:
    file = written(tmp_path / "bank.jsonl", *YEAR, cleared(20, "2026-03"), cleared(21, "2025-03", type="no.such"))
    result = ask("score", "--events", str(file), "--on", "2026-01-06", "--json")
    [answer] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (answer["events"], answer["refused"]) == (14, {"in-future": 1, "envelope-type": 1})
    shown = ask("score", "--events", str(file), "--on", "2026-01-06").stdout
    assert "without 2 of the 14 events" in " ".join(shown.split())
    warnings = [json.loads(line)["warning"] for line in result.stderr.splitlines()]
    assert warnings[0] == "1 of 14 events lie after 2026-01-06, and do not count."
    assert warnings[1].startswith("1 of 14 events are refused: 1 envelope-type. Why, line by line: ")
    early = ask("score", "--events", str(file), "--on", "2020-01-01")
    assert (early.exit_code, "None of the 14 events counts on 2020-01-01." in early.stderr) == (1, True)


def test_for_people_few_in_full_and_many_in_a_line_each(tmp_path: Path) -> None:
    one = written(tmp_path / "bank.jsonl", *YEAR)
    shown = ask("score", "--events", str(one), "--on", "2026-01-06").stdout
    assert "1 person on 2026-01-06, by standard@" in shown
    assert "100 %, observations 12" in shown
    many = written(one, *(cleared(n, "2025-11", account=sample_account(n)) for n in range(1, 6)))
    shown = ask("score", "--events", str(many), "--on", "2026-01-06").stdout
    assert "5 people on 2026-01-06" in shown
    assert [f"bank.jsonl:{number}" for number in range(1, 6)] == [
        line.split()[0] for line in shown.splitlines() if line.startswith("bank.jsonl:")
    ]
    assert ACCOUNT not in shown, "an identifier is shown nowhere"


def test_nothing_of_nobody(tmp_path: Path) -> None:
    """Somebody of whom only a fact is known has the score of a newcomer who is verified."""
    event = cleared(1, "2025-11", type="customer.identity.verified")
    body = json.loads(event)
    body["data"] = {"customer": {"account": ACCOUNT}, "document_kind": "id-card"}
    [found] = answers("--events", str(written(tmp_path / "bank.jsonl", json.dumps(body))), "--on", "2026-01-06")
    newcomer = evaluate(State(), SHIPPED, 0)
    assert found["thin"]
    assert found["score"] > newcomer.score


@pytest.mark.parametrize(
    "command", [("score", "--events", "bank.jsonl", "--on", "2026-01-06", "--policy"), ("policy", "preview")]
)
def test_a_policy_file_of_another_kind_is_told_in_a_sentence(command: tuple[str, ...]) -> None:
    result = ask(*command, str(ROOT / "policies" / "retention" / "cn.toml"))
    assert result.exit_code != 0
    assert "cn.toml is no scorecard. Name one, such as policies/scorecard.toml." in " ".join(result.stderr.split())
