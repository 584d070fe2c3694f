"""ingest's part in an erasure: which entries of the crosswalks are those of whoever was erased (rules I11, I12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from services.ingest.forgetting import forgetting
from shared.contracts.crosswalk import entry_key
from shared.contracts.erasure import Erased, naming
from shared.contracts.exchange import announced
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import SUBJECT_ANSWERS
from shared.kafka.crosswalk import Crosswalk
from shared.runner.service import Answer, Forward

USER, KEY = "5a" * 32, b"u" * 32
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARK = Erased(USER, "r1", ASKED)


def ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def confirmed(at: datetime, *, named: bool = True) -> Any:
    body = ErasureConfirmed(request_id="r1", service="benefits")
    more = naming(MARK) if named else ()
    made = announced("benefits", SUBJECT_ANSWERS, USER, body, subject="r1", version=1, time=at, more=more)
    return ConsumerRecord(SUBJECT_ANSWERS, 0, 0, ms(at), 1, made.key, made.value, None, 64, 64, made.headers)


def entry(number: str, told: datetime) -> ConsumerRecord:
    key = entry_key(KEY, "rides", number)
    return ConsumerRecord("crosswalk.rides", 0, 0, ms(told), 1, key, USER.encode(), None, 64, 64, ())


@pytest.mark.parametrize("later", [timedelta(seconds=3), timedelta(days=2)], ids=["at once", "after a restore"])
def test_entries_that_were_told_after_the_request_are_a_newcomers(later: timedelta) -> None:
    """(rules I12) benefits, from an older copy, confirms once more, long after the person has come back."""
    crosswalk = Crosswalk(KEY)
    crosswalk.take([entry("old", ASKED - timedelta(days=9)), entry("new", ASKED + timedelta(seconds=1))])
    mode = forgetting(Forward(lambda record, arrived: Answer((), ())), crosswalk)
    answer = mode.answer(confirmed(ASKED + later), ASKED + later)
    assert isinstance(answer, Answer)
    *tombstones, told = answer.outgoing
    assert [each.key for each in tombstones] == [entry_key(KEY, "rides", "old")]
    assert told.topic == SUBJECT_ANSWERS


def test_a_confirmation_that_names_no_erasure_is_of_the_moment_at_which_it_was_sent() -> None:
    crosswalk = Crosswalk(KEY)
    crosswalk.take([entry("old", ASKED - timedelta(days=9)), entry("new", ASKED + timedelta(days=1))])
    mode = forgetting(Forward(lambda record, arrived: Answer((), ())), crosswalk)
    answer = mode.answer(confirmed(ASKED, named=False), ASKED)
    assert isinstance(answer, Answer)
    assert len(answer.outgoing) == 2
