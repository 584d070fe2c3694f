"""What a store keeps, and what can be asked of it. `memory` and `postgres` are the two that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from goodstanding_client.changes import SCORES, TIERS, Change, Erased, News, body_of
from goodstanding_client.messages import ScoreChange, TierChange


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of one of the two topics, by the platform's name for the topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition is read."""

    offset: int
    """Of the next record."""
    reading: int
    """How often the partition was begun from its beginning."""
    followed_at: datetime
    """Everything that was published before is taken in."""
    newest_ms: int = 0
    """The broker's time of the newest record that was taken in."""
    again_until: int | None = None
    """While the partition is read from its beginning: the offset from which on whoever was not in it is dropped."""


class StaleError(Exception):
    """What is known is older than the caller accepts."""


class OvertakenError(Exception):
    """Another process that shares the store is further."""


class Store(ABC):
    """Where what is known is kept. A follower writes, and everybody asks."""

    failures: tuple[type[Exception], ...] = ()
    """What it raises where trying again later may help."""

    @abstractmethod
    async def positions(self) -> Mapping[Place, Position]:
        """How far each partition is read; one that was never read is left out."""

    @abstractmethod
    async def take(self, place: Place, position: Position, news: Sequence[News]) -> Sequence[Change]:
        """Take news in and move to the position, both or neither. Raises OvertakenError."""

    @abstractmethod
    async def drop_unread(self, place: Place, position: Position) -> Sequence[Erased]:
        """Move to the position, and drop whoever was not in the partition when it was read again."""

    @abstractmethod
    async def value(self, topic: str, user_id: str) -> bytes | str | None:
        """The newest body of a person; None where nothing is known."""

    async def score(self, user_id: str) -> ScoreChange | None:
        """The person's score; None for somebody who has none, or was erased."""
        value = await self.value(SCORES, user_id)
        body = None if value is None else body_of(SCORES, value)
        assert not isinstance(body, TierChange)
        return body

    async def tier(self, user_id: str) -> TierChange | None:
        """The person's tier, benefits and restrictions; None for somebody who never had any, or was erased."""
        value = await self.value(TIERS, user_id)
        body = None if value is None else body_of(TIERS, value)
        assert not isinstance(body, ScoreChange)
        return body

    async def is_granted(self, user_id: str, benefit: str, *, at_most_stale: timedelta | None = None) -> bool:
        """Whether the person has the benefit, by its code. Raises StaleError if what is known is older than
        `at_most_stale`, so that a door can stay shut while nothing is heard of the platform."""
        if at_most_stale is not None:
            check_staleness(await self.staleness(), at_most_stale)
        tier = await self.tier(user_id)
        return tier is not None and benefit in tier.in_force

    async def staleness(self) -> timedelta:
        """For how long something may have been published without being known here; very long before all partitions
        were read once."""
        positions = await self.positions()
        oldest = min(
            (_followed_at(position) for position in positions.values()), default=datetime.min.replace(tzinfo=UTC)
        )
        return max(datetime.now(UTC) - oldest, timedelta(0))


def _followed_at(position: Position) -> datetime:
    return datetime.min.replace(tzinfo=UTC) if position.again_until is not None else position.followed_at


def check_staleness(staleness: timedelta, at_most: timedelta) -> None:
    """Raises StaleError."""
    if staleness > at_most:
        raise StaleError(f"What is known is {staleness} old, and may be {at_most} old at most.")
