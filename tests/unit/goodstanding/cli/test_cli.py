"""What the command line answers without any server: help, exit codes, sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goodstanding.cli import demo
from goodstanding.simulation.real_data import play as real_data
from shared.contracts.identity import sample_account
from shared.contracts.topics import SERVICES
from shared.settings import ROOT
from tests.support.command_line import ask, commands

ACCOUNT = sample_account(1)


@pytest.fixture(autouse=True)
def _nobodys_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    for name in ("GOODSTANDING_KAFKA", "GOODSTANDING_POSTGRES", "GOODSTANDING_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_names_of_the_commands_are_fixed() -> None:
    assert {" ".join(words) for words, _ in commands()} >= {
        *("demo", "run", "user-id", "explain", "migrate", "topics", "local up", "local down", "local status"),
        *("partner sample", "partner validate", "partner send", "tail scores", "tail rejected", "tail tiers"),
        *("tail records", "records", "benefits", "deadline", "policy check"),
        *("score", "policy diff", "policy preview"),
        *("dead-letters ls", "dead-letters show", "dead-letters redrive"),
    }


@pytest.mark.parametrize("path", [words for words, _ in commands()], ids=" ".join)
def test_every_command_helps_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    result = ask(*path, "--help")
    assert result.exit_code == 0
    assert f"Example: goodstanding {' '.join(path)}" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("explain", ACCOUNT), 1, "Start it: goodstanding local up"),
        (("tail", "scores"), 1, "goodstanding local up"),
        (("policy", "preview", str(ROOT / "policies" / "scorecard.toml")), 1, "goodstanding local up"),
        (("policy", "preview", "nowhere.toml"), 1, "nowhere.toml"),
        (("policy", "diff", "nowhere.toml", "nowhere.toml"), 1, "nowhere.toml"),
        (("score", "--events", "nowhere.jsonl", "--on", "2026-01-31"), 1, "nowhere.jsonl cannot be read"),
        (("score", "--events", "bank.jsonl", "--on", "January"), 2, "A day is written YYYY-MM-DD"),
        (("score", "--on", "2026-01-31"), 2, "--events"),
        (("migrate",), 1, "goodstanding local up"),
        (("run", "scorer"), 1, "goodstanding local up"),
        (("run", "barber"), 2, "ingest, retention, scorer, benefits"),
        (("user-id", ACCOUNT), 1, "GOODSTANDING_KEY"),
        (("partner", "sample", "nobody"), 1, "There is no partner nobody. Say one of: bank, "),
        (("partner", "validate", "bank", "nowhere.jsonl"), 1, "nowhere.jsonl cannot be read"),
        (("tail", "rejected", "nobody"), 1, "There is no partner nobody"),
        (("demo", "--adapter", "x"), 2, "uci-credit-card"),
        (("demo", "--data", "nowhere.csv"), 1, "nowhere.csv cannot be read: No such file or directory."),
        (("partner", "sample"), 2, "PARTNER"),
        (("dead-letters", "ls"), 1, "goodstanding local up"),
        (("dead-letters", "ls", "barber"), 1, "There is no service barber. Say one of: ingest, "),
        (("dead-letters", "show"), 2, "POSITION"),
        (("dead-letters", "redrive"), 2, "Say positions, or --code, or --all."),
        (("dead-letters", "redrive", "a/0/1", "--all"), 2, "Say positions, or --code, or --all."),
        (("dead-letters", "redrive", "--code", "misplaced", "--all"), 2, "Say positions, or --code, or --all."),
        (("dead-letters", "redrive", "--service", "ingest"), 2, "Say positions, or --code, or --all."),
        (("records", ACCOUNT), 1, "goodstanding local up"),
        (("benefits", ACCOUNT), 1, "goodstanding local up"),
        (("deadline", "--class", "life", "--ended-on", "2024-02-29", "--profile", "xx"), 1, "Say one of: cn, eu, us."),
        (("deadline", "--class", "life", "--ended-on", "2024-02-29", "--profile", "us"), 1, "Say it with --began-on"),
        (("deadline", "--class", "life"), 1, "counts from the day on which the behavior ended. Say --ended-on."),
        (("deadline", "--class", "life", "--ended-on", "9999-12-31"), 2, "lies in the years 1900 to 2199"),
        (("explain", ACCOUNT, "--on", "9999-12-31"), 2, "lies in the years 1900 to 2199"),
        (("explain", ACCOUNT, "--on", "yesterday"), 2, "A day is written YYYY-MM-DD, for example 2024-02-29."),
        (("local", "logs", "barber"), 2, "kafka, postgres, ingest"),
        (("dead-letters", "dismiss"), 2, "Say positions, or --code, or --all."),
        (("deadline", "--class", "tax", "--ended-on", "2024-02-29"), 2, ": There is no class tax; say one of: legal,"),
    ],
)
def test_a_users_error_is_a_sentence_and_an_exit_code(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = ask(*arguments)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_a_fault_of_the_policy_that_ends_the_demo_is_told_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (policy := tmp_path / "learned.toml").write_text("rules = 3", encoding="utf-8")
    monkeypatch.setattr(demo, "LEARNED_POLICY", policy)
    result = ask("demo", "--real")
    assert (result.exit_code, "learned.toml:1: rules: Expected `array`" in " ".join(result.stderr.split())) == (1, True)
    assert "Starting" not in result.stdout


def test_one_of_the_two_servers_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", "127.0.0.1:1")
    result = ask("explain", ACCOUNT)
    assert (result.exit_code, "Set both or neither" in result.stderr) == (1, True)


def test_user_id_by_argument_by_input_and_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_KEY", "ab" * 32)
    found = ask("user-id", ACCOUNT).stdout.strip()
    assert len(found) == 64
    assert ask("user-id", "-", input=f"{ACCOUNT}\n").stdout.strip() == found
    assert json.loads(ask("user-id", f" {ACCOUNT.lower()} ", "--json").stdout) == {"user_id": found}
    assert ask("user-id", found).stdout.strip() == found


def test_user_id_says_once_that_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOODSTANDING_KEY", raising=False)
    result = ask("user-id", "-", input=f"{ACCOUNT}\n{ACCOUNT}\n")
    assert (result.exit_code, (result.stdout + result.stderr).count("no deployment key")) == (1, 1)


def test_user_id_answers_each_line_of_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_KEY", "ab" * 32)
    first, second = (ask("user-id", sample_account(number)).stdout.strip() for number in (1, 2))
    given = f"{sample_account(1)}\n\nnobody\n{sample_account(2)}\n"
    result = ask("user-id", "-", input=given)
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0], lines[2]) == (1, first, second)
    assert lines[1].startswith("line 2: A platform account is ")
    told = [json.loads(line) for line in ask("user-id", "-", "--json", input=given).stdout.splitlines()]
    assert [(each["line"], each["user_id"]) for each in told] == [(1, first), (2, None), (3, second)]


@pytest.mark.parametrize(
    ("key", "identifier", "message"),
    [
        ("ab" * 32, "customer 4711", "a private customer number is not taken"),
        ("ab" * 32, "GS000000000199", "check digits"),
        ("zz", ACCOUNT, "GOODSTANDING_KEY is not a key. It has at least 64 hexadecimal characters."),
        ("ab", ACCOUNT, "GOODSTANDING_KEY is not a key. It has at least 64 hexadecimal characters."),
    ],
)
def test_user_id_refuses(monkeypatch: pytest.MonkeyPatch, key: str, identifier: str, message: str) -> None:
    monkeypatch.setenv("GOODSTANDING_KEY", key)
    result = ask("user-id", identifier)
    assert result.exit_code == 1
    assert message in result.stderr


def test_samples_validate(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(ask("partner", "sample", "bank", "--count", "20").stdout)
    result = ask("partner", "validate", "bank", str(file))
    assert (result.exit_code, result.stdout) == (0, "20 events checked: 20 accepted.\n")
    file.write_text(file.read_text() + "{}\n")
    result = ask("partner", "validate", "bank", str(file), "--json")
    assert result.exit_code == 1
    last = json.loads(result.stdout.splitlines()[-1])
    assert (last["line"], last["result"], last["code"]) == (21, "refused", "envelope-data")


def test_local_status_of_nothing_is_no_success(tmp_path: Path) -> None:
    result = ask("local", "status", "--json")
    assert result.exit_code == 1
    told = {part["name"]: part for part in map(json.loads, result.stdout.splitlines())}
    platform = told.pop("platform")
    assert {name: (part["ready"], part["trouble"]) for name, part in told.items()} == dict.fromkeys(
        ("kafka", "postgres", *SERVICES), (False, "not running")
    )
    assert all(part["log"].startswith(str(tmp_path / "home")) for part in told.values())
    assert (platform["ready"], platform["home"]) == (False, str(tmp_path / "home"))


def test_local_says_what_is_so_where_nothing_is(tmp_path: Path) -> None:
    assert ask("local", "down").stdout == f"Nothing was running, and there are no data in {tmp_path / 'home'}.\n"
    assert json.loads(ask("local", "down", "--delete", "--json").stdout)["deleted"] is False
    assert f"scorer: {tmp_path / 'home' / 'services' / 'scorer.log'} (nothing yet)" in ask("local", "logs").stdout


def test_a_deadline_by_profile() -> None:
    found = json.loads(ask("deadline", "--class", "financial", "--ended-on", "2024-02-29", "--json").stdout)
    assert (found["last_day"], found["lapses_at"]) == ("2029-02-28", "2029-03-01T00:00:00+08:00")
    found = json.loads(
        ask("deadline", "--class", "legal", "--began-on", "2023-02-28", "--profile", "us", "--json").stdout
    )
    assert (found["last_day"], found["lapses_at"]) == ("2030-02-28", "2030-03-01T00:00:00-05:00")
    said = ask("deadline", "--class", "financial", "--began-on", "2024-02-29", "--profile", "us").stdout
    assert "until the end of 2031-08-27" in said
    assert "The years begin 180 days after that day" in said
    assert "until the end of 2026-02-28" in ask("deadline", "--class", "life", "--ended-on", "2024-02-29").stdout


SHIPPED = [*(ROOT / "policies").rglob("*.toml"), *(ROOT / "partners").glob("*.toml")]


def test_every_shipped_policy_is_right() -> None:
    result = ask("policy", "check", *map(str, SHIPPED))
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == len(SHIPPED)


@pytest.mark.parametrize(
    ("file", "rule", "spoiled", "at", "key", "remedy"),
    [
        (
            "policies/benefits.toml",
            "from = 600",
            'from = "600"',
            "from = 600",
            "tiers[0].from",
            "Write a whole number.",
        ),
        ("policies/benefits.toml", "from = 650", "from = 600", "from = 650", "tiers[1].from", "use 601 to 950"),
        ("policies/retention/cn.toml", "life = 2", "", "[years]", "years", "`life`. Add it."),
        ("policies/retention/cn.toml", "life = 2", "life = 200", "life = 2", "years.life", "from 1 to 50"),
        ("policies/scorecard.toml", '"monthly"', '"hourly"', "cadence", "cadence", "Say one of: continuous, monthly."),
        (
            "policies/scorecard.toml",
            "behavior = 150",
            "behavior = 140",
            "[dimensions]",
            "dimensions",
            "make them 600 in all",
        ),
        ("partners/bank.toml", 'subject = "customer.account"', "", "", "", "Add it."),
        (
            "partners/bank.toml",
            "reverses = true",
            "reverse = true",
            "reverses = true",
            "events[3].reverse",
            "mend its spelling",
        ),
        ("partners/bank.toml", 'format = "json"', "format = json", 'format = "json"', "", "Mend the line"),
        ("partners/bank.toml", 'format = "json"', "", "", "", "This is no policy file."),
    ],
)
def test_a_wrong_policy_is_refused_with_line_key_and_remedy(
    file: str, rule: str, spoiled: str, at: str, key: str, remedy: str, tmp_path: Path
) -> None:
    text = (ROOT / file).read_text()
    assert rule in text
    line = text[: text.index(at)].count("\n") + 1
    copy = tmp_path / Path(file).name
    copy.write_text(text.replace(rule, spoiled, 1))
    result = ask("policy", "check", str(copy), "--json")
    # A line for each fault: a share that is wrong is wrong in itself and for the rules that fill it.
    said = json.loads(result.stdout.splitlines()[0])
    assert (result.exit_code, said["line"], said["key"]) == (1, line, key), said
    assert remedy in said["sentence"]
    assert f"{copy}:{line}: " in ask("policy", "check", str(copy)).stdout


def test_a_demo_that_does_not_add_up_fails_with_the_first_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = [f"person {number}: 600 by the recount, 601 was published" for number in range(7)]
    result = real_data.Result(
        events=2,
        accepted=2,
        refused={},
        repeated=0,
        scores=1,
        tiers=0,
        records=0,
        people=1,
        bands=[],
        differences=differences,
        example=ACCOUNT,
        seconds=1.0,
    )
    monkeypatch.setattr(real_data, "run", lambda *_, **__: result)
    asked = ask("demo", "--real")
    assert asked.exit_code == 1
    assert "7 totals are not what was sent" in asked.stderr
    assert differences[4] in asked.stderr
    assert differences[5] not in asked.stderr
    assert "Where to look next" not in asked.stdout
