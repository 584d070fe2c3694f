"""Reads what the portal keeps of one person, and explains it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

import asyncpg
import msgspec

from goodstanding.person.explained import Explained, Fall, explained, falls
from goodstanding.portal.policies import Policies
from services.scorer.core.explain import Published
from services.scorer.core.features.stated import circle_as_kept
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.hints import Present, settled, with_record
from services.scorer.core.reasons.record_costs import points_of
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import decode, short_hash
from shared.contracts.erasure import keyed_name
from shared.contracts.explained import HeldRecord, RecordsHeld
from shared.contracts.faults import Fault
from shared.contracts.messages import TierChange, follow
from shared.contracts.months import month_of
from shared.contracts.partition import partition_of
from shared.postgres import DbOrPool

_PERSON = """
select edition, version, as_of, run, policy, evaluation, state, contacts, influence, stability, records, tier
from person where shard = $1 and user_id = $2
"""
_SCORES = """
select version, as_of, run, policy, evaluation, lag(evaluation) over (order by version) as evaluation_before
from score where shard = $1 and user_id = $2 order by version
"""
_ERASED = "select request_id from come_through where shard = $1 and person = $2 order by until, request_id"
_KEPT_MAX = 256
"""Explanations that are kept for whoever asks again: people look at several pages in a row."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a person. `edition` changes with anything of it."""

    user_id: str
    edition: int
    tier: TierChange | None
    records: tuple[HeldRecord, ...]
    scores: tuple[Published, ...]
    present: Present | None
    is_shortened: bool = False
    """Whether statements, or some of the records, are left out because there are so many."""

    @property
    def last(self) -> Published | None:
        return self.scores[-1] if self.scores else None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a record takes from the score today, and what it would if it were settled today; None for one that is."""

    points: int
    if_settled: int | None


_Found: TypeAlias = tuple[Explained, Sequence[Fall], Mapping[str, Cost]]


def costs_of(known: Known, card: Scorecard, today: date) -> Mapping[str, Cost]:
    if known.present is None:
        return {}
    return {each.record_id: _cost(each.record_id, known.present, card, today) for each in known.records if each.counts}


def _cost(record_id: str, present: Present, card: Scorecard, today: date) -> Cost:
    points, key = -points_of(present, card, record_id), short_hash(record_id)
    record = present.state.records.get(key)
    if record is None or record.settled:
        return Cost(points, None)
    after = msgspec.structs.replace(present, state=with_record(present.state, key, settled(record, today)))
    return Cost(points, -points_of(after, card, record_id))


def key_of(user_id: str) -> tuple[int, bytes]:
    """By what the person's rows are found."""
    return partition_of(user_id), bytes.fromhex(user_id)


class People:
    """Everybody whom the portal knows."""

    def __init__(self, db: DbOrPool, policies: Policies) -> None:
        self._db, self.policies = db, policies
        self._explained: OrderedDict[tuple[str, int, date, Language], _Found] = OrderedDict()

    async def known(self, user_id: str, now: datetime) -> Known | None:
        """None for somebody of whom nothing is held."""
        key = key_of(user_id)
        row = await self._db.fetchrow(_PERSON, *key)
        if row is None:
            return None
        scores = await self._db.fetch(_SCORES, *key) if row["version"] is not None else ()
        held = _held(row["records"])
        return Known(
            user_id,
            row["edition"],
            tier_told(row["tier"]),
            held.records,
            tuple(Published(**each) for each in scores),
            _present(row, month_of(now, self.policies.zone)),
            held.is_shortened,
        )

    async def erased_by(self, user_id: str, key: bytes) -> Sequence[str]:
        """The requests by which the person was erased lately: a hash under `key` remembers them for a while."""
        shard, _ = key_of(user_id)
        return [row["request_id"] for row in await self._db.fetch(_ERASED, shard, keyed_name(key, user_id))]

    def explained(self, known: Known, now: datetime, language: Language) -> Explained | None:
        """Why the score is what it is, and what would change it; None before the first score."""
        return self._found(known, now, language)[0] if known.scores else None

    def falls(self, known: Known, now: datetime, language: Language) -> Sequence[Fall]:
        """The last times that the score fell, the latest first."""
        return self._found(known, now, language)[1] if known.scores else ()

    def costs(self, known: Known, now: datetime, language: Language) -> Mapping[str, Cost]:
        """What each record that counts takes from the score today, by record_id."""
        return self._found(known, now, language)[2] if known.scores else {}

    def _found(self, known: Known, now: datetime, language: Language) -> _Found:
        today = now.astimezone(self.policies.zone).date()
        key = (known.user_id, known.edition, today, language)
        if key not in self._explained:
            setting = self.policies.setting(now, language)
            found = explained(known.scores, known.present, setting, today)
            costs = costs_of(known, setting.in_force, today)
            self._explained[key] = found, falls(known.scores, found, setting), costs
            if len(self._explained) > _KEPT_MAX:
                self._explained.popitem(last=False)
        return self._explained[key]


def _present(row: asyncpg.Record, through: int) -> Present | None:
    if not row["state"]:
        return None
    return Present(decode(row["state"]), circle_as_kept(row["contacts"], row["influence"], row["stability"]), through)


def tier_told(value: bytes | None) -> TierChange | None:
    """What was said last of somebody's tier, as it is kept."""
    if value is None:
        return None
    body = follow(TierChange, value)
    assert not isinstance(body, Fault), "it was read when it came"
    return body


def _held(value: bytes | None) -> RecordsHeld:
    if value is None:
        return RecordsHeld(records=())
    body = follow(RecordsHeld, value)
    assert not isinstance(body, Fault), "it was read when it came"
    return body
