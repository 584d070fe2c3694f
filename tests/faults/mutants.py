"""What the platform would be without one of its guarantees, and gates at which a process comes to stand still.

Both are put into one process from outside (hooks/sitecustomize.py), by replacing functions; the product knows nothing
of them. A gate holds the whole process, heartbeats included, at a precise line, as a pause of the machine would.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from services.retention.core import answers, reports, settlements
from services.retention.core.effects import Changed, Effect, Repeated, Step
from services.retention.core.record import Known, Waiting
from services.scorer.core import decide, folding
from shared.contracts.retention_profile import Profile
from shared.kafka import sender
from shared.runner import stateful, store
from shared.runner.delivery import Delivery
from shared.runner.forward import ForwardShard
from shared.runner.owned import Owned

HOOKS = Path(__file__).with_name("hooks")
ROOT = Path(__file__).resolve().parents[2]


class Gate:
    """A place in the code of one process, seen from the test: armed, held, opened by files in a directory."""

    def __init__(self, point: str, directory: Path) -> None:
        self.point = point
        self._armed, self._held = directory / f"{point}.armed", directory / f"{point}.held"

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(), "GOODSTANDING_TEST_GATE": f"{self.point}:{self._armed.parent}"}

    def arm(self) -> None:
        """The next one who comes here is held."""
        self._held.unlink(missing_ok=True)
        self._armed.touch()

    @property
    def holding(self) -> bool:
        return self._held.exists()

    def open(self) -> None:
        self._armed.unlink(missing_ok=True)

    def pass_through(self) -> None:
        """Called in the process: wait here for as long as the gate is armed."""
        if self._armed.exists():
            self._held.touch()
            while self._armed.exists():
                time.sleep(0.01)  # on purpose not asyncio's: nothing in this process may move


def environment(mutant: str = "") -> dict[str, str]:
    """What a process is given so that it loads this."""
    return {"PYTHONPATH": f"{HOOKS}:{ROOT}", "GOODSTANDING_TEST_MUTANT": mutant}


def install(gate: str, mutant: str) -> None:
    """Called in the process, before its first line. Mutants first, so that gates stand in the mutated code."""
    if mutant:
        MUTANTS[mutant]()
    if gate:
        point, _, directory = gate.partition(":")
        _POINTS[point](Gate(point, Path(directory)).pass_through)


# -- the places --------------------------------------------------------------------------------------------------------


def _before_transaction(wait: Callable[[], None]) -> None:
    step = Owned._step

    async def held(self: Any, batch: Any, progress: Any, page: Any = None, spans: Any = ()) -> None:
        if batch.by_person and page is None:
            wait()
        await step(self, batch, progress, page, spans)

    Owned._step = held  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _in_transaction(wait: Callable[[], None]) -> None:
    advance = store.advance

    async def held(*args: Any, outgoing: Any, **kwargs: Any) -> int | None:
        seq = await advance(*args, outgoing=outgoing, **kwargs)
        if outgoing:
            wait()
        return seq

    store.advance = held


def _before_send(wait: Callable[[], None]) -> None:
    commit = Delivery.commit

    async def held(self: Any, producer: Any) -> None:
        wait()
        await commit(self, producer)

    Delivery.commit = held  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _after_send(wait: Callable[[], None]) -> None:
    commit = Delivery.commit

    async def held(self: Any, producer: Any) -> None:
        await commit(self, producer)
        wait()

    Delivery.commit = held  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _before_forwarding(wait: Callable[[], None]) -> None:
    attempt = Delivery.attempt

    async def held(self: Any, producer: Any) -> None:
        wait()
        await attempt(self, producer)

    Delivery.attempt = held  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _after_forwarding(wait: Callable[[], None]) -> None:
    attempt = Delivery.attempt

    async def held(self: Any, producer: Any) -> None:
        await attempt(self, producer)
        wait()

    Delivery.attempt = held  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


_POINTS = {
    "before-transaction": _before_transaction,
    "in-transaction": _in_transaction,
    "before-send": _before_send,
    "after-send": _after_send,
    "before-forwarding": _before_forwarding,
    "after-forwarding": _after_forwarding,
}


# -- the mutants -------------------------------------------------------------------------------------------------------


def _send_before_commit() -> None:
    """The messages go out while the transaction can still fail."""

    send = Owned._send

    async def write(self: Any, db: Any, stepped: Any, progress: Any, settled_at: Any = None) -> int | None:
        index = self._home.index
        async with db.transaction():
            outgoing, sent = stepped.outgoing, self._sent_seq
            seq = await store.advance(
                db, index, self.epoch, progress, sent_seq=sent, outgoing=outgoing, settled_at=settled_at
            )
            if stepped.states:
                await self._mode.save(db, index, stepped.states, stepped.writes)
            if seq is not None:
                await send(self, seq, outgoing)
        self.steps += 1
        return None

    Owned._write = write  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _epoch_not_compared() -> None:
    """Whoever believes to own the shard may write."""

    async def lock(db: Any, shard: int, epoch: int) -> None:
        await db.fetchval(store._SQL["lock"], shard)

    store.lock = lock
    compared = "and epoch = $2 and steps = coalesce($12, steps)"
    everybody = store._SQL["advance"].replace(compared, "and $2::bigint > 0 and coalesce($12::bigint, 0) >= 0")
    assert everybody != store._SQL["advance"]
    store._SQL = {**store._SQL, "advance": everybody}


def _sending_not_fenced() -> None:
    """A plain idempotent producer: the broker has no reason to refuse a former owner."""
    started = sender.started
    stateful.started = lambda kafka, transactional_id=None: started(kafka)  # type: ignore[attr-defined]  # a mutant takes the place of what it breaks
    Delivery.commit = Delivery.attempt  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _outbox_not_resent() -> None:
    """A new owner forgets what the last one had decided and not sent."""

    async def pending(db: Any, shard: int, epoch: int) -> AsyncIterator[Any]:
        for each in list[Any]():
            yield each

    store.pending = pending


def _offsets_before_sending() -> None:
    """ingest commits first and sends then."""

    async def batch(self: Any, producer: Any) -> None:
        records: Sequence[Any] = self.buffer.take(self._host.settings.batch_records_max)
        if not records:
            await self.buffer.wait(None)
            return
        await self._host.clock.refresh()
        in_hand = await self._answered(records)
        await self._commit(records)
        await in_hand.delivery.attempt(producer)

    ForwardShard._batch = batch  # type: ignore[method-assign]  # a mutant takes the place of what it breaks


def _duplicates_not_dropped() -> None:
    """The scorer counts an event as often as it comes."""
    fold = decide.fold  # type: ignore[attr-defined]  # a mutant takes the place of what it breaks

    def forgetful(state: Any, event: Any, late_months: int) -> Any:
        state.ids.clear()
        return fold(state, event, late_months)

    decide.fold = forgetful  # type: ignore[assignment,attr-defined]  # a mutant takes the place of what it breaks


def _settlements_not_recognized() -> None:
    """retention takes a settlement that it knows for a new one."""
    settle = settlements.settle

    def forgetful(record: Known, told: Waiting, now: datetime, profile: Profile) -> tuple[Known, Effect]:
        known, effect = settle(record, told, now, profile)
        if not isinstance(effect, Repeated):
            return known, effect
        again = replace(known, version=known.version + 1)
        return again, Changed(again)

    reports.settle = forgetful  # type: ignore[attr-defined]  # a mutant takes the place of what it breaks


def _answers_not_recognized() -> None:
    """retention takes an answer that it knows for a new one."""
    confirmed = answers._confirmed

    def forgetful(record: Known, named: Any, report: Any) -> Step:
        step = confirmed(record, named, report)
        if not isinstance(step.effects[0], Repeated):
            return step
        again = replace(record, version=record.version + 1)
        return Step(again, (Changed(again, "confirmed"),))

    answers._confirmed = forgetful


def _withdrawals_not_remembered() -> None:
    """The scorer takes what comes under a consent that was withdrawn."""
    folding._is_blocked = lambda state, consent: False


def _erasures_not_remembered() -> None:
    """The scorer takes what had arrived before its person was erased."""
    decide._since_erased = lambda messages, erased, now: messages


MUTANTS: dict[str, Callable[[], None]] = {
    "send-before-commit": _send_before_commit,
    "epoch-not-compared": _epoch_not_compared,
    "sending-not-fenced": _sending_not_fenced,
    "outbox-not-resent": _outbox_not_resent,
    "offsets-before-sending": _offsets_before_sending,
    "duplicates-not-dropped": _duplicates_not_dropped,
    "settlements-not-recognized": _settlements_not_recognized,
    "answers-not-recognized": _answers_not_recognized,
    "withdrawals-not-remembered": _withdrawals_not_remembered,
    "erasures-not-remembered": _erasures_not_remembered,
}
