"""What a secured broker is started with: no password stands where others of the machine can see it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from goodstanding.platform.servers import jars, kafka, process
from goodstanding.platform.servers.process import Command


def test_no_password_stands_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    modes: list[int] = []

    def run(command: Command, *, timeout_s: float) -> int:
        ran.append(list(command.argv))
        modes.extend(stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("format.arguments"))
        command.log.touch()
        return 0

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(jars, "class_path", lambda: [tmp_path / "kafka.jar"])
    monkeypatch.setattr(jars, "fingerprint", lambda _: "none")
    broker = kafka.Kafka(tmp_path, secured=True)
    broker.prepare()
    ran.append(list(broker.command((1, 2)).argv))
    passwords = [file.read_text() for file in (tmp_path / "security").glob("*.password")]
    assert len(passwords) == 2
    assert not any(password in word for argv in ran for word in argv for password in passwords)
    assert modes == [0o600]
    assert not (tmp_path / "format.arguments").exists()
    assert stat.S_IMODE((tmp_path / "server.properties").stat().st_mode) == 0o600
