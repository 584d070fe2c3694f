"""What a person's own page shows, as it was read from the portal's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Literal

import msgspec

from goodstanding.person.explained import Explained, Fall
from goodstanding.portal.ledger import Asked, Consent, Look, Permission
from goodstanding.portal.people import Cost, Known
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown, to whom. `form_word` is empty for somebody who may look and do nothing."""

    known: Known
    found: Explained | None
    falls: Sequence[Fall]
    table: TierTable
    permissions: Sequence[Permission]
    looks: Sequence[Look]
    consents: Sequence[Consent]
    told: Sequence[tuple[datetime, bytes]]
    asked: Sequence[Asked]
    subscribers: Sequence[str]
    language: Language
    currency: str
    zone: tzinfo
    today: date
    next_publication: date | None
    """None where scores are published as soon as something changes them."""
    unverifiable: Literal["deletes", "stands"]
    """What becomes of a record of which nobody can say that it is right, by the retention profile."""
    costs: Mapping[str, Cost] = {}
    """By record_id, of those that count."""
    form_word: str = ""
    note: str = ""
    here: str = "/me"

    @property
    def acts(self) -> bool:
        return bool(self.form_word)
