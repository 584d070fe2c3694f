"""What is kept of one negative record, as retention last published it."""

from __future__ import annotations

from datetime import date

import msgspec

from services.scorer.core.messages import microseconds
from shared.contracts.kinds import RecordClassName
from shared.contracts.messages import RecordChange

STATUS_GONE = ("expired", "deleted")
"""Of a record with one of these nothing may be left."""


_MAY_HAVE_COUNTED = ("disputed", "unverifiable")
"""A record that does not count and has any other status is one that its person has not known of for long enough. Of one
with these only its other versions tell whether it had begun to count."""


class NegativeRecord(msgspec.Struct, frozen=True, array_like=True):
    """A negative record as retention last published it. Of one that is gone only version and month are left, so that
    an older version read again cannot bring it back; and these for as long as one may be read again."""

    version: int
    month: int
    """The month in which the change arrived, for pruning."""
    kind: str = ""
    record_class: RecordClassName | None = None
    counts: bool = False
    settled: bool = False
    amount: int | None = None
    began_on: date | None = None
    ended_on: date | None = None
    lapses_at_us: int | None = None
    """None while the clock stands still, and for what was written before this was kept."""
    unheard: bool = False
    """It has certainly never counted, so nobody else can know that there is one (rules R22). False for what was written
    before this was kept."""
    counted: bool = False
    """It does not count, and did by one of its other versions. False for what was written before this was kept."""

    @property
    def gone(self) -> bool:
        return not self.kind

    def beside(self, *, unheard: bool, counted: bool) -> NegativeRecord:
        """The same, after another version has said so of itself, in whichever order they are read."""
        if self.gone or self.counts:
            return self
        counted |= self.counted
        return msgspec.structs.replace(self, unheard=(unheard or self.unheard) and not counted, counted=counted)


def record_of(change: RecordChange, month: int, known: NegativeRecord | None) -> NegativeRecord:
    """What is kept of a record from that change on, which arrived in that month. `known` is what was kept before."""
    if change.status in STATUS_GONE:
        return NegativeRecord(change.version, month)
    assert change.kind is not None, "`check_change` has seen to it"
    record = NegativeRecord(
        version=change.version,
        month=month,
        kind=change.kind,
        record_class=change.record_class,
        counts=change.counts,
        settled=change.ended_on is not None,
        amount=change.amount,
        began_on=change.began_on,
        ended_on=change.ended_on,
        lapses_at_us=microseconds(change.lapses_at) if change.lapses_at else None,
        unheard=is_unheard(change),
    )
    return record.beside(unheard=known.unheard, counted=known.counts or known.counted) if known else record


def is_unheard(change: RecordChange) -> bool:
    """Whether the change alone tells that the record has never counted."""
    return not change.counts and change.status not in (*STATUS_GONE, *_MAY_HAVE_COUNTED)


def has_lapsed(record: NegativeRecord, instant_us: int) -> bool:
    return record.lapses_at_us is not None and record.lapses_at_us <= instant_us
