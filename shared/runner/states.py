"""The states of a shard's people: the latest ones in memory, the others from the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Generic

from shared.runner.answers import S
from shared.runner.service import Db, Load


class States(Generic[S]):
    """While the epoch is ours nobody else can change a state, so what was saved last is what the database has."""

    def __init__(self, load: Load[S], shard: int, entries_max: int) -> None:
        self._load, self._shard, self._entries_max = load, shard, entries_max
        self._kept: OrderedDict[str, S] = OrderedDict()

    async def of(self, db: Db, user_ids: Collection[str], given: Mapping[str, S]) -> dict[str, S]:
        """`given` are partial states, enough for one page of timers, and come before all others."""
        for user_id in given:
            # What is decided from a partial state is not kept, so what is kept would be out of date.
            self._kept.pop(user_id, None)
        states = {**given, **{user_id: self._kept[user_id] for user_id in user_ids if user_id in self._kept}}
        if missing := sorted(user_id for user_id in user_ids if user_id not in states):
            states.update(await self._load(db, self._shard, missing))
        return states

    def remember(self, states: Mapping[str, S | None]) -> None:
        """Keep what records have led to and was just saved."""
        for user_id, state in states.items():
            if state is None:
                self._kept.pop(user_id, None)
            else:
                self._kept[user_id] = state
                self._kept.move_to_end(user_id)
        while len(self._kept) > self._entries_max:
            self._kept.popitem(last=False)

    def renew(self, states: Mapping[str, S | None], given: Mapping[str, S]) -> None:
        """Of the states that timers have led to, keep only those of people whose state was kept before: a run passes
        over everybody once, and would leave no room for the people whom records are about. A state that was decided
        from a partial one is not kept."""
        for user_id, state in states.items():
            if user_id in self._kept and user_id not in given:
                if state is None:
                    del self._kept[user_id]
                else:
                    self._kept[user_id] = state
