"""What leaves a person's state: what no window reaches any more, the ids of closed months, a withdrawn consent."""

from __future__ import annotations

from collections.abc import Iterable, Set

from services.scorer.core.consents import WITHDRAWN_MAX
from services.scorer.core.features.months import WALKED_MONTHS
from services.scorer.core.folding import Window, consent_hash, hashes
from services.scorer.core.state import HASH_BYTES, Figure, State, amount_of, pack_figures, short_hash, unpack_figures
from services.scorer.core.vectors import without_before

MONTHS_KEPT = WALKED_MONTHS + 1
"""The running month, the 24 complete months of the longest window of a rule, and the month that has just left these:
the next publication says what its leaving has moved."""
_GONE_MONTHS_KEPT = 2
"""The month in which a record's end arrived, and the next: Kafka keeps the changes of records for a week only."""


def withdraw_consent(state: State, partner: str, consent_id: str) -> bool:
    """Drop the figures that were given to the partner under the consent, and block those that may still come (rules
    I7); doing it again changes nothing. False if the person has withdrawn as many consents as there is room for."""
    consent = consent_hash(partner, consent_id)
    if len(state.blocked) >= WITHDRAWN_MAX * HASH_BYTES and consent not in hashes(state.blocked):
        return False
    state.blocked = b"".join(sorted({consent, *hashes(state.blocked)}))
    # A figure that format 1 had kept names no partner. It is better to drop another partner's figures of the same id
    # than to keep these.
    gone = {*hashes(state.blocked), short_hash(consent_id)}
    state.figures = {key: packed for key, packed in state.figures.items() if key[:HASH_BYTES] not in gone}
    return True


def prune(state: State, month: int, open_from: int, window: Window | None = None) -> None:
    """Drop what has left all windows, and close the months before `open_from`, for good. The ids in the months of the
    `window` stay for as long as that is open (rules E24).

    `month` is the clock's, never the newest event's: one event with a wrong date would wipe out the rest.
    """
    kept_from = month - MONTHS_KEPT + 1
    state.month = month
    state.open_from = open_from = max(state.open_from, open_from)
    state.kinds = {code: left for code, packed in state.kinds.items() if (left := without_before(packed, kept_from))}
    told_apart: Set[int] = set(range(window.first, window.last + 1)) if window else frozenset()
    state.ids = {m: blob for m, blob in state.ids.items() if m >= open_from or m in told_apart}
    state.old_ids = {m: blob for m, blob in state.old_ids.items() if m >= open_from}
    state.figures = _repacked(
        (key, _pruned(packed, kept_from, open_from, told_apart)) for key, packed in state.figures.items()
    )
    gone_from = month - _GONE_MONTHS_KEPT + 1
    state.records = {key: r for key, r in state.records.items() if not r.gone or r.month >= gone_from}


def _pruned(packed: bytes, kept_from: int, open_from: int, told_apart: Set[int]) -> dict[int, Figure]:
    months = unpack_figures(packed)
    return {
        m: figure if m >= open_from or m in told_apart else amount_of(figure)
        for m, figure in months.items()
        if m >= kept_from
    }


def _repacked(figures: Iterable[tuple[bytes, dict[int, Figure]]]) -> dict[bytes, bytes]:
    return {key: pack_figures(months) for key, months in figures if months}
