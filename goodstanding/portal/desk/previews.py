"""What each policy that is announced would do to everybody, were it in force now: by the rules of `policy preview`.

It takes minutes for many people, so it runs while pages are answered, and a page shows how far it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import asyncpg
import msgspec

from goodstanding.portal.people import tier_told
from goodstanding.portal.policies import Policies
from goodstanding.validation.preview import Preview
from goodstanding.validation.tier_preview import Crossing, TierPreview
from services.benefits.core import policy
from services.benefits.core.restating import standing_as_told
from services.benefits.core.standing import Standing
from services.benefits.core.table import TierTable
from services.scorer.core import score
from services.scorer.core.features.stated import circle_as_kept
from services.scorer.core.scorecard import Scorecard
from shared.contracts.messages import TierChange
from shared.contracts.months import month_of

_SOME = """
select shard, user_id, as_of, version, evaluation, tier, state, contacts, influence, stability from person
where version is not null and (shard, user_id) > ($1::smallint, $2::bytea) order by shard, user_id limit 50
"""


class Row(Protocol):
    """A row of the table of people."""

    def __getitem__(self, column: str, /) -> Any: ...


class _Way(Protocol):
    """Judges people one at a time, and counts who crosses which tier."""

    def take(self, row: Row) -> None: ...
    @property
    def crossings(self) -> Counter[Crossing]: ...


@dataclass(slots=True)
class Run:
    """How far it is, and what has come out so far."""

    way: _Way
    at: datetime
    people: int = 0
    is_done: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def crossings(self) -> Counter[Crossing]:
        return self.way.crossings

    @property
    def has_ended(self) -> bool:
        """Whether it has stopped, because everybody is judged or because something went wrong."""
        return self.task is None or self.task.done()


class Previews:
    def __init__(self, db: asyncpg.Pool, policies: Policies) -> None:
        self._db, self._policies = db, policies
        self.runs: dict[str, Run] = {}
        """By the policy's id."""

    def announced(self, today: date) -> Sequence[Scorecard | TierTable]:
        """What is not in force yet, the next one first."""
        found: list[Scorecard | TierTable] = [each for each in self._policies.cards if each.effective_on > today]
        found += [each for each in self._policies.tables if each.day > today]
        return sorted(found, key=begins)

    def start(self, id: str, now: datetime) -> bool:
        """Start to judge everybody by the policy of this id, unless that is under way already. Returns whether there is
        such a policy among those that are announced."""
        today = now.astimezone(self._policies.zone).date()
        new = next((each for each in self.announced(today) if each.id == id), None)
        if new is None:
            return False
        if (known := self.runs.get(id)) is None or known.has_ended:
            run = Run(self._way(new, now), now)
            run.task = asyncio.create_task(self._judge(run))
            self.runs[id] = run
        return True

    def close(self) -> None:
        for run in self.runs.values():
            if run.task is not None:
                run.task.cancel()

    def _way(self, new: Scorecard | TierTable, now: datetime) -> _Way:
        if isinstance(new, TierTable):
            return _ByTable(self._policies, new, now)
        return _ByCard(self._policies, new, now)

    async def _judge(self, run: Run) -> None:
        async for row in self._everybody():
            began = time.perf_counter()
            run.way.take(row)
            run.people += 1
            # A request for a page waits for one person at most, and half of the time is left to requests.
            await asyncio.sleep(time.perf_counter() - began)
        run.is_done = True

    async def _everybody(self) -> AsyncIterator[Row]:
        """In portions, so that no transaction stays open for minutes."""
        shard, user_id = -1, b""
        while rows := await self._db.fetch(_SOME, shard, user_id):
            for row in rows:
                yield row
            shard, user_id = rows[-1]["shard"], rows[-1]["user_id"]


def begins(of: Scorecard | TierTable) -> date:
    return of.day if isinstance(of, TierTable) else of.effective_on


class _ByCard:
    def __init__(self, policies: Policies, new: Scorecard, now: datetime) -> None:
        old = policies.setting(now, "en").in_force
        through = month_of(now, policies.zone) - (old.cadence == "monthly")
        self._preview = Preview(old, new, policies.table(now), through, now, movers=0)

    def take(self, row: Row) -> None:
        if row["state"]:
            circle = circle_as_kept(row["contacts"], row["influence"], row["stability"])
            self._preview.take(row["user_id"].hex(), row["state"], circle)

    @property
    def crossings(self) -> Counter[Crossing]:
        tiers = self._preview.found.tiers
        return Counter({Crossing(a, b, False): people for (a, b), people in tiers.items() if a != b})


class _ByTable:
    def __init__(self, policies: Policies, new: TierTable, now: datetime) -> None:
        self._policy = policy.Policy(tables=policies.tables, zone=policies.zone)
        self._preview = TierPreview(policies.table(now), new, policies.zone, now, names_max=0)

    def take(self, row: Row) -> None:
        self._preview.take(row["user_id"].hex(), self._standing(row, tier_told(row["tier"])))

    def _standing(self, row: Row, told: TierChange | None) -> Standing:
        """As the last message about the tier leaves the person, with the score that is known here."""
        last = score.decode(row["evaluation"])
        standing = Standing(
            score_version=row["version"],
            score=last.score,
            thin=last.thin,
            restrictions=last.restrictions,
            as_of=row["as_of"],
            version=0,
            tier=None,
            kept=None,
            in_force=(),
        )
        if told is None:
            return standing
        scored = {name: getattr(standing, name) for name in ("score_version", "score", "thin", "restrictions")}
        return msgspec.structs.replace(standing_as_told(told, self._policy), **scored)

    @property
    def crossings(self) -> Counter[Crossing]:
        return self._preview.found.crossings
