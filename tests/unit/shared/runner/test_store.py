"""What waits in the outbox is read row by row, and only by the owner of the epoch."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from shared.contracts.topics import NORMALIZED
from shared.runner import store
from shared.runner.answers import Outgoing

_EPOCH = 3


class _Db:
    """An outbox of three rows, and how many of them were asked for."""

    def __init__(self) -> None:
        self.epoch, self.asked = _EPOCH, 0

    async def fetchrow(self, _sql: str, _shard: int, epoch: int, after: int) -> dict[str, Any] | None:
        seq = after + 1
        if epoch != self.epoch or seq > 3:
            return None
        self.asked += 1
        return {"seq": seq, "messages": msgspec.msgpack.encode([_message(seq)])}

    async def fetchval(self, _sql: str, _shard: int) -> int:
        return self.epoch


def _message(seq: int) -> Outgoing:
    return Outgoing(NORMALIZED, None, b"%d" % seq, (), 0)


async def test_no_row_is_read_before_the_one_before_it_is_done() -> None:
    """After a restore there are rows about everybody, for which no process has room at once."""
    db, found = _Db(), list[tuple[int, list[Outgoing]]]()
    async for row in store.pending(cast(Any, db), 0, _EPOCH):
        found.append(row)
        assert db.asked == len(found)
    assert found == [(seq, [_message(seq)]) for seq in (1, 2, 3)]


@pytest.mark.parametrize("read", [0, 1, 3])
async def test_whoever_is_fenced_meanwhile_learns_it(read: int) -> None:
    db, found = _Db(), list[int]()

    async def reading() -> None:
        async for seq, _ in store.pending(cast(Any, db), 0, _EPOCH):
            found.append(seq)
            if len(found) == read:
                db.epoch += 1

    if not read:
        db.epoch += 1
    with pytest.raises(store.FencedError):
        await reading()
    assert len(found) == read
