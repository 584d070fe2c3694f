"""Keeps what is known in memory: it is read again at every start, and there is nothing to repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from goodstanding_client.changes import TOPICS, Change, Erased, Known, News, fold
from goodstanding_client.store import Place, Position, Store


class Memory(Store):
    """The right choice until reading everybody again takes longer than you can wait at a start."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Known]] = {topic: {} for topic in TOPICS}
        self._places: dict[tuple[str, str], int] = {}
        self._positions: dict[Place, Position] = {}

    async def positions(self) -> Mapping[Place, Position]:
        return self._positions

    async def take(self, place: Place, position: Position, news: Sequence[News]) -> Sequence[Change]:
        known = self._known[place.topic]
        folded = fold(place.topic, known, news, position.reading)
        for user_id, row in folded.rows.items():
            if row is None:
                known.pop(user_id, None)
                self._places.pop((place.topic, user_id), None)
            else:
                known[user_id] = row
                self._places[place.topic, user_id] = place.partition
        self._positions[place] = position
        return folded.changes

    async def drop_unread(self, place: Place, position: Position) -> Sequence[Erased]:
        known = self._known[place.topic]
        gone = [
            user_id
            for user_id, row in known.items()
            if row.reading < position.reading and self._places[place.topic, user_id] == place.partition
        ]
        for user_id in gone:
            del known[user_id], self._places[place.topic, user_id]
        self._positions[place] = position
        return [Erased(user_id, place.topic) for user_id in gone]

    async def value(self, topic: str, user_id: str) -> bytes | None:
        row = self._known[topic].get(user_id)
        return row.value if row else None
