"""How much is kept of one person, so that nobody's flood of reports becomes a cost for others (rules R4, R14 and R15).

Each bound is far above what anybody's life leads to, and its refusal is `too-many`. What a report about a person at
the bounds costs is measured by `python -m bench.retention_bounds`.
"""

from __future__ import annotations

from datetime import timedelta

RECORDS_MAX = 200
"""Records of one person that are held of one partner at once, numbers of which only a settlement has come included:
a ride left unpaid every week of two years is half of that. One more finds its place when one of them has lapsed."""

GONE_MAX = 10_000
"""Fingerprints of one person's lapsed records, of all partners: RECORDS_MAX of ten partners, five times over. They are
loaded with the person, and nothing else bounds how many no-shows of almost two years ago a partner can report."""

SETTLEMENTS_MAX = 8
"""Different days on which one record is said to have ended, waiting or taken. Each is kept, so that it is known when it
comes again; a second one is a correction already."""

VERSIONS_MAX = 1_000
"""Versions of one record after which its amount is not brought up to date any more; it can still be settled. A balance
told every week reaches it after nineteen years."""

DISPUTES_MAX = 8
"""Disputes of one record, and questions in one dispute. Each is kept, so that the same facts are known again."""

RETURNS_MAX = 8
"""How often one record comes back after it has lapsed by a slip or was deleted; each time under a name of its own."""

WAITS_MAX = timedelta(days=14)
"""How long a settlement waits for the report of its record: twice as long as any topic keeps a report that is on its
way. After that it is nearly always a slip in the number, and whoever sent it must hear of it."""
