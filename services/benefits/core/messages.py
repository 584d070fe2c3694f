"""The message that the rules of tiers take: a published score."""

from __future__ import annotations

import msgspec

from shared.contracts.messages import ScoreChange


class News(msgspec.Struct, frozen=True):
    """A person's score as the scorer published it."""

    user_id: str
    """The pseudonym of the person, 64 hexadecimal characters."""
    score: ScoreChange
