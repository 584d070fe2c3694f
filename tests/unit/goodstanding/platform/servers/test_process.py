"""Processes that outlast whoever started them: whether they have ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import psutil
import pytest

from goodstanding.platform.servers import process
from goodstanding.platform.servers.process import Command, Process


@pytest.fixture
def sleeper(tmp_path: Path) -> Process:
    return process.spawn(Command(["/bin/sleep", "60"], tmp_path, tmp_path / "log"), attached=True)


def test_the_end_of_a_process_is_noticed_and_so_is_that_it_goes_on(sleeper: Process) -> None:
    assert not process.wait_gone(sleeper, 0.05)
    os.kill(sleeper.pid, signal.SIGKILL)
    assert process.wait_gone(sleeper, 30)
    assert not psutil.pid_exists(sleeper.pid), "a child that has ended is reaped"
    assert process.wait_gone(sleeper, 0), "whether or not somebody has asked for its end before"


def test_of_another_process_under_its_number_nothing_is_awaited(sleeper: Process) -> None:
    assert process.wait_gone(msgspec.structs.replace(sleeper, started="another instant"), 0)
    assert process.alive(sleeper)
    process.kill(sleeper)
    assert not process.alive(sleeper)
