"""What a library says again and again is logged once a minute."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, said = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**said)


@pytest.mark.parametrize("name", ["aiokafka", "aiokafka.consumer.group_coordinator"])
def test_a_repetition_is_passed_over(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure("scorer")
    now = [1_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    monkeypatch.setattr("time.time_ns", lambda: int(now[0] * 1e9))
    library = logging.getLogger(name)
    for now[0], text in ((1_000.0, "away"), (1_002.0, "away"), (1_003.0, "something else"), (1_061.0, "away")):
        library.error(text)
    assert _said(capsys) == ["away", "something else", "away"]


def test_what_is_our_own_is_said_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("scorer")
    for _ in range(2):
        structlog.get_logger("runner").info("shards assigned")
    assert _said(capsys) == ["shards assigned"] * 2


def _said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
