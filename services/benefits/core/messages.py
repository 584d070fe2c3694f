"""What the rules of tiers take: a published score, or the mark that the person is erased."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from shared.contracts.erasure import Erased
from shared.contracts.messages import ScoreChange


class News(msgspec.Struct, frozen=True):
    """A person's score as the scorer published it."""

    user_id: str
    """The pseudonym of the person, 64 hexadecimal characters."""
    score: ScoreChange


Message: TypeAlias = News | Erased
