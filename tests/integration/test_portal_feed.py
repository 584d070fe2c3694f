"""What the portal keeps of people, on a real Postgres: of a record that has ended nothing, whatever it has not read."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta

import pytest

from goodstanding.portal import ledger
from goodstanding.portal.feed import store
from goodstanding.portal.feed.messages import News
from goodstanding.portal.people import key_of
from services.scorer.core.explain import Published
from services.scorer.core.score import decode, encode, without_records
from shared.contracts.explained import ScoreExplained
from shared.contracts.partition import partition_of
from shared.contracts.subject import SubjectAnswer, SubjectNotice
from tests.integration.portal_stand import NOBODY, Stand
from tests.support.people import ZONE
from tests.support.portal_views import NOW, view

WHO, KEY = NOBODY, b"k" * 32
[*_, NEWCOMER, WITH_RECORD] = view("restricted", "en").known.scores
"""Two publications, of which the second rests on a record."""


def explained(row: Published, version: int, *, redacts: bool = False) -> News:
    body = ScoreExplained(
        version=version,
        as_of=row.as_of,
        policy=row.policy,
        evaluation=b64encode(row.evaluation).decode(),
        redacts=redacts,
    )
    return News(WHO, "score", f"scorer/{WHO}.explained/{version}", row.as_of, body, b"")


async def save(stand: Stand, *news: News) -> None:
    async with stand.db.acquire() as db, db.transaction():
        await store.save(db, partition_of(WHO), news, ZONE, KEY)


async def history(stand: Stand) -> dict[int, bytes]:
    rows = await stand.db.fetch("select version, evaluation from score where shard = $1 and user_id = $2", *key_of(WHO))
    return {row["version"]: row["evaluation"] for row in rows}


@pytest.mark.parametrize(
    ("version", "redacts", "is_kept"),
    [(2, False, True), (2, True, False), (3, False, False)],
    ids=["nothing was missed", "the record has ended", "what said so was compacted before it was read"],
)
@pytest.mark.parametrize("steps", [1, 2])
async def test_what_rested_on_a_record_goes_though_the_word_of_its_end_is_compacted_away(
    stand: Stand, version: int, redacts: bool, is_kept: bool, steps: int
) -> None:
    """(rules D9) A portal that is down for more than a day reads the last publication of a person alone."""
    bare = encode(without_records(decode(WITH_RECORD.evaluation)))
    assert bare != WITH_RECORD.evaluation
    news = [explained(WITH_RECORD, 1), explained(NEWCOMER, version, redacts=redacts)]
    for at in range(steps):
        await save(stand, *(news if steps == 1 else news[at : at + 1]))
    assert (await history(stand))[1] == (WITH_RECORD.evaluation if is_kept else bare)
    # Again, as after a kill: nothing was missed.
    await save(stand, news[-1])
    assert (await history(stand))[version] == NEWCOMER.evaluation


async def test_what_was_asked_about_a_record_goes_with_it(stand: Stand) -> None:
    """(rules D8)"""
    for number, record_id in enumerate(("ended", "held", None)):
        request = "export" if record_id is None else "dispute"
        await ledger.note_asked(stand.db, WHO, f"r-{number}", request, record_id, NOW + timedelta(minutes=number))
    notice = SubjectNotice(notice="record-lapsed", version=3, en="It is gone.", zh="It is gone.", record_id="ended")
    await save(stand, News(WHO, "answers", "retention/ended/3", NOW, notice, b'{"record_id":"ended"}'))
    assert [each.record_id for each in await ledger.asked(stand.db, WHO)] == [None, "held"]


async def test_what_was_asked_about_a_record_that_was_gone_goes_with_the_answer(stand: Stand) -> None:
    """(rules D8) The notice of its end had been read before the request was noted."""
    await ledger.note_asked(stand.db, WHO, "r-1", "dispute", "ended", NOW)
    answer = SubjectAnswer(
        request_id="r-1",
        service="retention",
        status="refused",
        code="no-such-record",
        en="None.",
        zh="None.",
        request="dispute",
        record_id="ended",
    )
    await save(stand, News(WHO, "answers", "retention/r-1", NOW, answer, b'{"record_id":"ended"}'))
    assert await ledger.asked(stand.db, WHO) == []
