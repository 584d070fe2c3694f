"""A guide's commands, run as a newcomer would, with what each prints compared with what the guide shows.

A fence ```console holds commands behind `$ ` and what they print; `...` in it stands for anything, and a command that
fails on purpose says `# ends with 1`. A fence ```toml NAME or ```json NAME is that file. What needs Docker is in
```console compose.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.settings import ROOT

FENCE = re.compile(r"^```(?P<kind>[a-z]+)(?: (?P<argument>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# ends with (\d+)$")
_MARK = "--- that was it ---"


@dataclass(frozen=True)
class Command:
    line: str
    expected: str

    @property
    def status(self) -> int:
        found = _STATUS.search(self.line)
        return int(found[1]) if found else 0

    def fits(self, printed: str) -> bool:
        """Whether it printed what the guide shows; where the guide shows nothing, anything will do."""
        pattern = ".*".join(re.escape(part) for part in _tidy(self.expected).split("..."))
        return not self.expected.strip() or re.fullmatch(pattern, _tidy(printed), re.DOTALL) is not None


def _tidy(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)  # compose clears a line now and then, whoever listens
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def commands(block: str) -> list[Command]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Command(line, expected) for line, _, expected in (part.partition("\n") for part in parts)]


def follow(guide: str, argument: str | None, directory: Path, environment: Mapping[str, str]) -> int:
    """Run the guide's blocks of this sort from its beginning to its end; how many commands there were.

    Where the environment names another port for Kafka than the guide, commands take that.
    """
    kafka = f"localhost:{environment.get('GOODSTANDING_KAFKA_PORT', '19092')}"
    count = 0
    for fence in FENCE.finditer((ROOT / "docs" / guide).read_text(encoding="utf-8")):
        if fence["kind"] in ("toml", "json") and fence["argument"]:
            (directory / fence["argument"]).write_text(fence["text"], encoding="utf-8")
        elif fence["kind"] == "console" and fence["argument"] == argument:
            count += run(commands(fence["text"].replace("localhost:19092", kafka)), directory, environment)
    return count


def run(block: list[Command], directory: Path, environment: Mapping[str, str]) -> int:
    """In one shell, so that a variable of one command is there in the next."""
    script = "\n".join(["exec 2>&1", *(f"{command.line}\nended=$?; echo; echo '{_MARK}' $ended" for command in block)])
    shell = ["bash", "-c", script]
    done = subprocess.run(
        shell, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    answers = re.findall(rf"(.*?)\n{_MARK} (\d+)\n", done.stdout, re.DOTALL)
    assert len(answers) == len(block), done.stdout
    for command, (printed, status) in zip(block, answers, strict=True):
        assert int(status) == command.status, f"$ {command.line}\n{printed}"
        assert command.fits(printed), f"$ {command.line}\n{printed}"
    return len(block)
