"""What holds for every command: help, metavars, JSON, and a sentence for whatever a person types."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from goodstanding import policies
from goodstanding.cli.program import pasted, program
from goodstanding.platform.fixed_settings import STATEFUL
from shared.contracts.identity import sample_account
from tests.support.command_line import ask, commands

NASTY = [
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 100_000,
    "\udcff",
    "\x1b[31m",
    "..",
    "/",
    "-1",
    "0",
    "9" * 40,
    "1e999",
    "NaN",
    "ＧＳ",
]
DAYS = ["0001-01-01", "1900-01-01", "2199-12-31", "9999-12-31", "2024-02-30", "10000-01-01", "２０２４-01-01"]
LIBRARIES = {"aiokafka", "asyncpg", "pydantic"}
STARTS_SERVERS = {("demo",), ("local", "up"), ("run",)}


@pytest.fixture(autouse=True)
def _nobodys_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GOODSTANDING_KEY", "ab" * 32)
    for name in ("GOODSTANDING_KAFKA", "GOODSTANDING_POSTGRES", "GOODSTANDING_COMMAND"):
        monkeypatch.delenv(name, raising=False)


def parameters(command: Any) -> list[Any]:
    return [each for each in command.params if each.name != "help"]


def test_what_a_command_takes_has_one_form() -> None:
    all_of_them = [
        (f"{' '.join(path)}: {each.name}", each) for path, command in commands() for each in parameters(command)
    ]
    told = [(name, each) for name, each in all_of_them if not getattr(each, "is_flag", False)]
    form = re.compile(r"\[?[A-Z]+\]?(\.\.\.)?")
    assert told
    assert [name for name, each in told if not form.fullmatch(each.metavar or "")] == []
    assert [name for name, each in all_of_them if not each.help.endswith(".")] == []


def test_every_command_that_answers_can_do_so_in_json() -> None:
    silent = [path for path, command in commands() if "as_json" not in {each.name for each in parameters(command)}]
    assert silent == [("run",)]


def test_no_list_of_commands_is_cut() -> None:
    for group in ("", "local", "partner", "tail", "dead-letters", "policy"):
        result = ask(*group.split(), "--help")
        assert "..." not in result.stdout.partition("Commands:")[2], group
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_release_and_completion() -> None:
    said = ask("--version").stdout.splitlines()
    assert re.fullmatch(r"goodstanding \d+\.\d+\.\d+ \(Python 3\.\d+\.\d+\S*\)", said[0])
    assert re.fullmatch(r"policies  [\w-]+@[0-9a-f]{12}(, [\w-]+@[0-9a-f]{12})+", said[1])
    assert [line.split()[:2] for line in said[2:]] == [["schema", service] for service in STATEFUL]
    assert all(line.endswith(".sql") for line in said[2:])
    assert "--install-completion" in ask("--help").stdout


def test_the_version_is_said_although_a_policy_has_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scorecard.toml").write_text("nothing = true")
    monkeypatch.setenv("GOODSTANDING_POLICIES", str(tmp_path))
    said = ask("--version")
    assert said.exit_code == 0
    assert "policies  cannot be used" in said.stdout
    assert str(tmp_path) in said.stdout


_COMPLETES = f"""
import os, sys
from goodstanding.cli import app
sys.argv[0] = "goodstanding"
for shell in ("bash", "zsh", "fish"):
    os.environ["_GOODSTANDING_COMPLETE"] = f"complete_{{shell}}"
    print(shell)
    try:
        app()
    except SystemExit:
        pass
print(sorted({LIBRARIES - {"pydantic"}} & sys.modules.keys()))
"""


def test_every_shell_can_complete() -> None:
    """Completion is Typer's; that it knows our commands is seen by asking as shells do. Nobody who presses TAB waits
    for a command's libraries; Pydantic is Typer's own."""
    words = {"COMP_WORDS": "goodstanding loc", "COMP_CWORD": "1"}
    words |= {"_TYPER_COMPLETE_ARGS": "goodstanding loc", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    asks = [sys.executable, "-c", _COMPLETES]
    asked = subprocess.run(asks, env={**os.environ, **words}, capture_output=True, text=True, timeout=60)
    said = re.split("^(?:bash|zsh|fish)\n", asked.stdout.removesuffix("[]\n"), flags=re.MULTILINE)[1:]
    assert ["local" in each for each in said] == [True] * 3, asked
    assert (asked.stdout.endswith("[]\n"), asked.stderr) == (True, "")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("explain", sample_account(1), "--json"), 1, "never started"),
        (("explain", "--json"), 2, "WHO"),
        (("explain", "x", "--on", "now", "--json"), 2, "A day is written"),
        (("partner", "sample", "nobody", "--json"), 1, "There is no partner nobody."),
        (("no-such-command", "--json"), 2, "No such command"),
        (("dead-letters", "redrive", "--json"), 2, "Say positions"),
    ],
)
def test_a_failure_is_an_object_for_whoever_asked_in_json(arguments: tuple[str, ...], code: int, error: str) -> None:
    result = ask(*arguments)
    told = json.loads(result.stderr)
    assert (result.exit_code, result.stdout) == (code, "")
    assert error in told["error"]
    assert told.keys() >= {"error", "advice"}


def test_a_wrong_file_is_named_with_its_place(tmp_path: Path) -> None:
    """In JSON file, line and key stand apart, and each fault is a line."""
    (tmp_path / "wrong.toml").write_text("rules = 1\nname = 2\n")
    told = [json.loads(line) for line in ask("policy", "check", "wrong.toml", "--json").stdout.splitlines()]
    assert {each["file"] for each in told} == {"wrong.toml"}
    assert not any(each["ok"] for each in told)
    assert {(1, "rules"), (2, "name")} <= {(each["line"], each["key"]) for each in told}


# -- no traceback for anything that a person types ---------------------------------------------------------------------


def values(parameter: Any) -> list[str]:
    return DAYS + NASTY if parameter.metavar == "DAY" else NASTY


def given(command: Any, nasty: Any, value: str) -> list[str]:
    """Arguments of the command in which one is nasty and the others are of a kind that passes."""
    arguments: list[str] = []
    for each in parameters(command):
        if each.param_type_name == "argument" and (each is nasty or each.required):
            arguments += [
                value if each is nasty else {"PARTNER": "bank", "FILE": "-", "WHO": "x"}.get(each.metavar, "x")
            ]
        elif each is nasty or each.required:
            passing = {"DAY": "2024-02-29", "CLASS": "life"}.get(each.metavar, "1")
            arguments += [each.opts[0], value if each is nasty else passing]
    return arguments


NASTY_CASES = [
    pytest.param(path, command, each, id=f"{' '.join(path)} {each.name}")
    for path, command in commands()
    if path not in STARTS_SERVERS
    for each in parameters(command)
    if not getattr(each, "is_flag", False)
]


@pytest.mark.parametrize(("path", "command", "nasty"), NASTY_CASES)
def test_whatever_is_typed_is_answered_with_a_sentence(path: tuple[str, ...], command: Any, nasty: Any) -> None:
    # Each place gets every third of the texts, beginning elsewhere, so that each text comes to many places.
    begin = sum(map(ord, nasty.name + path[-1])) % 3
    for number, value in enumerate(values(nasty)[begin::3]):
        result = ask(*path, *given(command, nasty, value), *(["--json"] if number % 2 else []))
        assert isinstance(result.exception, SystemExit | None), f"{value[:20]!r}: {result.exception!r}"
        assert result.exit_code in (0, 1, 2)
        assert "Traceback" not in result.output


@pytest.fixture
def _policies_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo begins with reading them all, which takes longer than whatever it is asked for here."""
    monkeypatch.setattr(policies, "check_all", lambda _: None)


@pytest.mark.usefixtures("_policies_are_right")
@pytest.mark.parametrize("option", ["--data", "--adapter"])
@pytest.mark.parametrize("value", NASTY)
def test_the_demo_is_asked_for_what_it_cannot_read(option: str, value: str) -> None:
    result = ask("demo", "--real", option, value) if value else ask("demo", "--real", "--data", "/", option, "x")
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (1, 2)


@pytest.mark.parametrize("value", [*NASTY, "barber"])
def test_no_service_has_such_a_name(value: str) -> None:
    assert ask("run", value).exit_code == 2


@pytest.mark.usefixtures("_policies_are_right")
@pytest.mark.parametrize("content", [b"\xff\xfe", b"\xef\xbb\xbf{}", b"\0", b"x = \xff", b"[" * 100_000, b"a\r\nb\r\n"])
def test_files_that_are_no_text_are_answered(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file.toml"
    file.write_bytes(content)
    for arguments in (("policy", "check"), ("partner", "validate", "bank"), ("demo", "--data")):
        result = ask(*arguments, str(file))
        assert isinstance(result.exception, SystemExit), f"{arguments}: {result.exception!r}"
        assert result.exit_code == 1


@pytest.mark.usefixtures("_policies_are_right")
@pytest.mark.parametrize("arguments", [("policy", "check"), ("partner", "validate", "bank"), ("demo", "--data")])
def test_directories_missing_and_closed_files_are_answered(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for file in (tmp_path, tmp_path / "missing", loop):
        result = ask(*arguments, str(file))
        assert isinstance(result.exception, SystemExit), result.exception
        assert (result.exit_code, "cannot be read" in result.output) == (1, True), result.output


# -- commands that are told of can be pasted ---------------------------------------------------------------------------


def test_a_look_at_the_help_waits_for_no_library() -> None:
    """Together the commands import all that the project has, which takes a second."""
    asks = "import sys; sys.argv[1:] = ['--help']; from goodstanding.cli import app; app(standalone_mode=False); "
    found = f"print(sorted({LIBRARIES} & sys.modules.keys()), *sys.argv)"
    said = subprocess.run([sys.executable, "-c", asks + found], capture_output=True, text=True, check=True).stdout
    assert said.endswith("[] -c --help\n")
    assert {path[0] for path, _ in commands()} == {
        line.split()[0] for line in said.split("Commands:")[1].splitlines()[1:-1]
    }


@pytest.mark.parametrize(
    ("argv0", "on_path", "words"),
    [
        (".venv/bin/goodstanding", None, ".venv/bin/goodstanding"),
        ("{here}/.venv/bin/goodstanding", None, ".venv/bin/goodstanding"),
        ("/elsewhere/bin/goodstanding", None, "/elsewhere/bin/goodstanding"),
        ("{here}/.venv/bin/goodstanding", "{here}/.venv/bin/goodstanding", "goodstanding"),
        ("{here}/.venv/bin/goodstanding", "{here}/other/goodstanding", ".venv/bin/goodstanding"),
        ("/usr/bin/pytest", None, "goodstanding"),
    ],
)
def test_the_command_line_knows_how_it_was_called(tmp_path: Path, argv0: str, on_path: str | None, words: str) -> None:
    for place in (".venv/bin", "other"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "goodstanding").touch()
    here = {"here": tmp_path}
    found = on_path and on_path.format(**here)
    assert program(argv0.format(**here), lambda _: found) == words


def test_hints_are_written_as_they_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_COMMAND", "docker compose run --rm cli")
    text = "Start it: goodstanding local up. See /x/goodstanding local and goodstanding.org; goodstanding is a name."
    assert pasted(text) == (
        "Start it: docker compose run --rm cli local up. See /x/goodstanding local and goodstanding.org; "
        "goodstanding is a name."
    )


@pytest.mark.parametrize("words", [("partner", "kinds"), ("partner", "kinds", "--json"), ("--help",)])
def test_a_full_disk_is_one_sentence(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "goodstanding.cli", *words]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert "The answer cannot be written: No space left on device." in line


def test_a_closed_standard_input_has_nothing_in_it() -> None:
    command = f"{sys.executable} -m goodstanding.cli partner validate bank - <&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("goodstanding: - has no events in it.")
