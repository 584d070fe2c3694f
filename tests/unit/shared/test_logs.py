"""What a library says again and again is logged once a minute."""

from __future__ import annotations

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
    logging.getLogger("aiokafka").filters = []
    structlog.configure(**said)


def test_a_repetition_is_passed_over(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("scorer")
    logging.getLogger().addHandler(caplog.handler)
    now = [1_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    monkeypatch.setattr("time.time_ns", lambda: int(now[0] * 1e9))
    aiokafka = logging.getLogger("aiokafka")
    for now[0], text in ((1_000.0, "away"), (1_002.0, "away"), (1_003.0, "something else"), (1_061.0, "away")):
        aiokafka.error(text)
    assert [record.message for record in caplog.records] == ["away", "something else", "away"]
