"""How much is kept of one person, so that nobody's flood of reports becomes a cost for others (rules R4, R14 and R15).

Each bound is far above what anybody's life leads to, and its refusal is `too-many`. What a report about a person at
the bounds costs is measured by `python -m bench.retention_bounds`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from shared.contracts.erasure import ON_THE_WAY_MAX

RECORDS_MAX = 200
"""Records of one person that are held from one partner at once, including numbers for which only a settlement has come:
a ride left unpaid every week for two years is half of that. There is room for another one when one of them has
lapsed."""

GONE_MAX = 1_000
"""Fingerprints that one partner's records of one person have left: RECORDS_MAX, five times over. They are loaded with
the person, and nothing else bounds how many no-shows of almost two years ago a partner can report, or how many records
it can delete again. What one partner leaves takes no room from another, who may have to report a judgment."""

SETTLEMENTS_MAX = 8
"""Different days on which one record is said to have ended, waiting or taken. Each is kept, so that it is known when it
comes again; a second one is a correction already."""

VERSIONS_MAX = 1_000
"""Versions of one record after which its amount is not brought up to date any more; it can still be settled. A balance
told every week reaches it after nineteen years."""

DISPUTES_MAX = 8
"""Disputes of one record, and questions in one dispute. Each is kept, so that the same facts are known again."""

ERASURES_MAX = 50
"""Erasures of one person that are remembered at once, each for sixteen days: whoever comes back and leaves three times
a day has fewer. Each takes a mark through all services, so a flood of requests must end somewhere."""

RETURNS_MAX = 8
"""How often one record comes back after it has lapsed by a slip or was deleted; each time under a name of its own."""

CERTIFIED_MAX = 8
"""How many events that certify one record are remembered, so that they are recognized once the record is deleted."""

WAITS_MAX = timedelta(days=14)
"""How long a settlement waits for the report of its record: twice as long as any topic keeps a report that is on its
way. After that it is nearly always a slip in the number, and whoever sent it must hear of it."""

GONE_KEPT = timedelta(days=100)
"""How long the fingerprint of a lapsed record is kept. No topic holds a report of it after ON_THE_WAY_MAX, but the
scorer knows until the publication of the second month that the name is gone, and would take a new record of that name
for an old version."""
assert ON_THE_WAY_MAX + timedelta(days=66) < GONE_KEPT

REPORTED_YEARS_MAX = 20
"""A report of what began in an earlier calendar year than so many years ago is refused by ingest (rules E15)."""

FORGOTTEN_PAGE = 2_000
"""Fingerprints that one step forgets."""


def lapsed_kept_until(now: datetime) -> datetime:
    """Whole days, so that a shard forgets no more than once a day."""
    return _next_day(now + GONE_KEPT)


def deleted_kept_until(began_on: date, now: datetime) -> datetime:
    """Until no report of the record can be taken any more, so that none brings it back without a certificate (rules
    R20)."""
    reported_last = datetime(began_on.year + REPORTED_YEARS_MAX + 1, 1, 1, tzinfo=UTC)
    return max(_next_day(reported_last + ON_THE_WAY_MAX), lapsed_kept_until(now))


def _next_day(instant: datetime) -> datetime:
    utc = instant.astimezone(UTC)
    return datetime(utc.year, utc.month, utc.day, tzinfo=UTC) + timedelta(days=1)
