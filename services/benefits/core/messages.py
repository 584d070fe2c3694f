"""What the rules of tiers take: a published score, an instant that has passed, or the mark of an erasure."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec

from shared.contracts.erasure import Erased
from shared.contracts.messages import ScoreChange


class News(msgspec.Struct, frozen=True):
    """A person's score as the scorer published it."""

    user_id: str
    """The pseudonym of the person, 64 hexadecimal characters."""
    score: ScoreChange
    erased: Erased | None = None
    """The person's last erasure, as the message names it."""


class Passed(msgspec.Struct, frozen=True):
    """The clock has passed an instant at which something falls due for the person: a grace ends, or a table begins."""

    user_id: str
    at: datetime


Message: TypeAlias = News | Passed | Erased
