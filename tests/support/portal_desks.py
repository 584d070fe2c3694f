"""What the desk's pages show, for tests without any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from goodstanding.portal.desk.counts import Distribution, Work
from goodstanding.portal.desk.previews import Run
from goodstanding.validation.tier_preview import Crossing
from services.benefits.core.table import TierTable
from services.scorer.core.scorecard import Scorecard
from tests.support.people import JAN, SHIPPED
from tests.support.portal_views import NOW, TIERS

STRICTER = msgspec.structs.replace(TIERS, name="stricter", effective_on=date(NOW.year + 1, 7, 1))
NEXT_CARD = msgspec.structs.replace(SHIPPED, name="next", effective_on=date(NOW.year + 1, 1, 1))


def risk() -> tuple[Distribution, TierTable, Sequence[Scorecard | TierTable], Mapping[str, Run]]:
    """One policy has been tried, and one has not."""
    found = Distribution({None: 40, "good": 12}, {450: 9, 500: 43}, [(JAN, 48), (JAN - 1, 3), (None, 1)])
    crossings = Counter({Crossing("good", "fair", with_grace=True): 3, Crossing("fair", None, with_grace=False): 1})
    run = Run(cast(Any, SimpleNamespace(crossings=crossings)), NOW, people=52, is_done=True)
    return found, TIERS, [NEXT_CARD, STRICTER], {STRICTER.id: run}


def work() -> tuple[Work, Mapping[tuple[str, str], int]]:
    refusals = [("bank", "unknown-field", 1_204), ("court-feed", "json-syntax", 2)]
    of = Work([("2026-03-01", "dispute", 3)], [(NOW, "answers, score")], refusals)
    return of, {("scorer", "unreadable"): 2}
