"""A service as a real process: started, asked, paused, killed, stopped; no server is needed for any of it."""

from __future__ import annotations

import json
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.errors import UserError
from goodstanding.platform.service_process import ServiceProcess

ENVIRONMENT = {
    # Nobody listens there, so the process waits, and says so.
    "GOODSTANDING_KAFKA": "127.0.0.1:1",
    "GOODSTANDING_KEY": "ab" * 32,
}


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[ServiceProcess]:
    made = ServiceProcess(tmp_path, "ingest", environment=ENVIRONMENT, name="ingest-2")
    yield made
    made.kill()


def until(trouble: str, process: ServiceProcess) -> None:
    deadline = time.monotonic() + 30
    while trouble not in (found := process.trouble() or "ready"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)  # a process tells its trouble only when asked


def test_a_process_says_what_it_waits_for_and_stops_when_asked(
    ingest: ServiceProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = sys.pycache_prefix or str(tmp_path / "bytecode")
    monkeypatch.setattr(sys, "pycache_prefix", compiled)
    assert (ingest.alive, ingest.pid, ingest.http, ingest.trouble()) == (False, None, None, "not running")
    ingest.start()
    until("waiting for Kafka", ingest)
    with pytest.raises(UserError, match="ingest-2 is running already"):
        ingest.start()
    with pytest.raises(UserError, match=r"(?s)ingest-2 is not ready after 0 s: waiting for Kafka.*ingest-2\.log"):
        ingest.wait_ready(timeout_s=0.1)
    # Secrets are in a file of the owner and on no command line.
    file = tmp_path / "ingest-2.environment.json"
    assert json.loads(file.read_bytes()) == {**ENVIRONMENT, "PYTHONPYCACHEPREFIX": compiled}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"abab" not in Path(f"/proc/{ingest.pid}/cmdline").read_bytes()
    ingest.pause()
    assert ingest.trouble() == "does not answer"
    ingest.resume()
    until("waiting for Kafka", ingest)
    ingest.stop()
    assert (ingest.alive, ingest.pid, ingest.http) == (False, None, None)
    ingest.stop()


def test_another_program_finds_a_process_by_its_directory(ingest: ServiceProcess, tmp_path: Path) -> None:
    ingest.start()
    found = ServiceProcess(tmp_path, "ingest", name="ingest-2")
    assert found.pid == ingest.pid
    found.kill()
    assert not ingest.alive


def test_a_killed_process_starts_again_at_another_address(ingest: ServiceProcess) -> None:
    ingest.start()
    until("waiting for Kafka", ingest)
    first = ingest.pid, ingest.http
    ingest.kill()
    ingest.start()
    # The log still has the address of the first one.
    assert ingest.http is None
    until("waiting for Kafka", ingest)
    assert ingest.pid != first[0]


def test_what_ends_while_it_starts_is_quoted_and_nothing_that_an_earlier_start_has_said(tmp_path: Path) -> None:
    for wrong in ({"GOODSTANDING_ZONE": "Nowhere/Land"}, {"GOODSTANDING_IDENTITY_SCHEME": "barber"}):
        broken = ServiceProcess(tmp_path, "ingest", environment={**ENVIRONMENT, **wrong})
        broken.start()
        quoted = rf"(?s)ingest ended while it was starting\. .*ingest\.log:.*{next(iter(wrong))}"
        with pytest.raises(UserError, match=quoted):
            broken.wait_ready()
    assert "GOODSTANDING_ZONE" not in ServiceProcess(tmp_path, "ingest").last_words()
