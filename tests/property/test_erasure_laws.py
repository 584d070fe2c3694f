"""Who was erased and came back, in whichever order it is read and read again (rules I12): what is left is what the
newcomer's messages alone make. The topics keep their order; which of them is ahead, where batches end and what an older
copy of a server makes be read once more, is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.benefits import service as benefits
from services.benefits.core.messages import News
from services.benefits.core.policy import Policy as TierPolicy
from services.benefits.core.standing import Held
from services.benefits.core.table import TierTable
from services.retention import service as retention
from services.retention.core.decide import Policy as RetentionPolicy
from services.retention.core.erasure import Confirmed, Erase, Erasure
from services.retention.core.fingerprint import record_id
from services.retention.core.messages import Report, StatementRequest
from services.retention.erasing import Held as RetentionHeld
from services.scorer.core.decide import Person
from services.scorer.core.messages import Event, Message, RecordNews
from services.scorer.service import decide
from shared.contracts.erasure import Erased
from shared.contracts.messages import RecordReport, ScoreChange
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.people import JAN, ME, PURCHASE, capping, day, event, news, policy_of, record

ASKED = day(JAN, 10)
MARK = Erased(ME, "r1", ASKED)
NOW = ASKED + timedelta(days=3)
POLICY = policy_of(capping(cadence="continuous"))


# -- scorer ------------------------------------------------------------------------------------------------------------


def bought(number: int, *, days_after: int) -> Event:
    made = event(PURCHASE, day(JAN, 2), id=f"e{number}")
    return msgspec.structs.replace(made, raw_arrived=ASKED + timedelta(days=days_after))


def told(version: int, erased: Erased | None) -> RecordNews:
    change = news(record())
    return msgspec.structs.replace(change, body=replace(change.body, version=version), erased=erased)


OLD_EVENTS = [bought(number, days_after=-1) for number in range(3)]
NEW_EVENTS = [bought(number, days_after=1) for number in range(1, 5)]
"""Some have the ids that events of the life before had."""
OLD_NEWS, NEW_NEWS = [told(1, None), told(2, None)], [told(1, MARK)]
NORMALIZED: list[Message] = [*OLD_EVENTS, *NEW_EVENTS]
RECORDS: list[Message] = [*OLD_NEWS, MARK, *NEW_NEWS]


@st.composite
def readings(draw: st.DrawFn, *topics: Sequence[Any]) -> list[list[Any]]:
    """Topics read side by side, each in its order, in batches."""
    left = [list(topic) for topic in topics]
    batches: list[list[Any]] = [[]]
    while any(left):
        topic = draw(st.sampled_from([each for each in left if each]))
        batches[-1].append(topic.pop(0))
        if draw(st.booleans()):
            batches.append([])
    return [batch for batch in batches if batch]


def handled(person: Person | None, batches: Sequence[Sequence[Message]]) -> Person:
    for batch in batches:
        person = decide(person, batch, NOW, POLICY).state
    assert person is not None
    return person


NEWCOMER = handled(Person(ME, erased=MARK), [[*NEW_EVENTS, *NEW_NEWS]])


@given(readings(NORMALIZED, RECORDS), st.booleans())
def test_a_restored_database_ends_with_the_newcomer(batches: list[list[Message]], is_again: bool) -> None:
    """The mark lies ahead, and is followed first; a database that is newer than Kafka has the newcomer already."""
    person = handled(NEWCOMER if is_again else Person(ME, erased=MARK), batches)
    assert (person.state, person.erased) == (NEWCOMER.state, MARK)


@given(readings(NEW_EVENTS, [MARK, *NEW_NEWS, MARK]))
def test_a_mark_that_comes_again_and_again_takes_nothing(batches: list[list[Message]]) -> None:
    person = handled(NEWCOMER, batches)
    assert (person.state, person.erased) == (NEWCOMER.state, MARK)


# -- retention ---------------------------------------------------------------------------------------------------------

PROFILE = load_policy(ROOT / "policies" / "retention" / "cn.toml", Profile)
RETENTION = retention.service(RetentionPolicy(profile=PROFILE, fingerprint_key=b"k" * 32)).mode


def reported(number: int, *, days_after: int) -> Report:
    body = RecordReport(
        kind="hotel.no_show", report_id=f"h-{number}", status="reported", began_on=day(JAN, 2 + number).date()
    )
    came = ASKED + timedelta(days=days_after)
    return Report(ME, "hotel", f"e{number}", "behavior.raw.hotel/0/1", body, day(JAN, 5), "", came)


def stated(number: int, *, days_after: int) -> StatementRequest:
    name = record_id(b"k" * 32, ME, "hotel", f"h-{number}")
    came = ASKED + timedelta(days=days_after)
    return StatementRequest(ME, f"s{number}", name, f"Words {number} {days_after}.", came, came)


REPORTS = [*(reported(number, days_after=-1) for number in range(3)), *(reported(n, days_after=1) for n in (1, 2, 3))]
REQUESTS = [stated(0, days_after=-1), stated(1, days_after=-1), Erase(ME, "r1", ASKED, ASKED)]
CONFIRMED = [Confirmed(ME, "r1", NOW)]
GONE = RetentionHeld(None, (Erasure("r1", ASKED),))


def kept(batches: Sequence[Sequence[Any]], held: RetentionHeld) -> RetentionHeld:
    for batch in batches:
        state = RETENTION.decide(held, batch, NOW).state
        assert state is not None
        held = state
    return held


@given(readings(REPORTS, REQUESTS, CONFIRMED), st.booleans())
def test_a_restored_retention_ends_with_the_records_of_the_newcomer(batches: list[list[Any]], is_again: bool) -> None:
    """Requests that lie ahead are followed first; what the person had asked before finds nobody."""
    newcomer = kept([REPORTS[3:], CONFIRMED], GONE)
    assert newcomer.person is not None
    held = kept(batches, newcomer if is_again else GONE)
    assert held.person is not None
    assert (held.person.records, held.erasures) == (newcomer.person.records, newcomer.erasures)


# -- benefits ----------------------------------------------------------------------------------------------------------

TIERS = TierPolicy(tables=(load_policy(ROOT / "policies" / "benefits.toml", TierTable),), zone=UTC)


def published(version: int, score: int, erased: Erased | None) -> News:
    return News(
        ME,
        ScoreChange(
            version=version,
            score=score,
            thin=False,
            cadence="continuous",
            as_of=ASKED + timedelta(hours=version, days=1 if erased else -1),
            policy="start@0123456789ab",
            restrictions=(),
            key_factors=(),
        ),
        erased,
    )


BEFORE = [published(version, score, None) for version, score in ((1, 620), (2, 900), (3, 610), (4, 820))]
SINCE = [published(version, score, MARK) for version, score in ((1, 600), (2, 560), (3, 640))]


@given(st.data())
def test_benefits_end_with_the_newcomer_whatever_compaction_has_left(data: st.DataObject) -> None:
    """It may have been away for long, or be read again from anywhere, or come from an older copy; the last message of
    the topic stays."""
    topic = [*BEFORE, MARK, *SINCE]
    kept = [each for each in topic[:-1] if data.draw(st.booleans())] + topic[-1:]
    # And then once more, from somewhere to somewhere.
    for part in (BEFORE[2:], [MARK], SINCE[1:]):
        kept += part if data.draw(st.booleans()) else []
    held: Held | None = None
    for message in BEFORE[: data.draw(st.integers(0, len(BEFORE)))]:
        held = benefits.decide(held, [message], NOW, TIERS).state
    if data.draw(st.booleans()):
        held = benefits.decide(Held(None, MARK), SINCE, NOW, TIERS).state
    told = []
    for batch in data.draw(readings(kept)):
        decision = benefits.decide(held, batch, NOW, TIERS)
        held = decision.state
        told += [message for message in decision.outgoing if message.topic == "tiers.changed"]
    alone = benefits.decide(Held(None, MARK), SINCE[-1:], NOW, TIERS).state
    assert held is not None
    assert held.standing is not None
    assert alone is not None
    assert alone.standing is not None
    assert (held.erased, held.standing.seen, held.standing.score_version) == (MARK, alone.standing.seen, 3)
    # Behind the mark nothing is said of the life before.
    marks = [number for number, message in enumerate(told) if message.value is None]
    for said in told[marks[0] :] if marks else []:
        assert said.value is None or "ce_erasureat" in dict(said.headers)
