"""Which messages of a service's own topic it has certainly not written, and when Kafka is asked for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.contracts.partition import PARTITIONS, partition_of
from shared.kafka.records import ReadRecord
from shared.runner import store
from shared.runner.one_story import agreement, claim_check, operator_word, questions
from shared.runner.one_story.claim_check import is_foreign
from shared.runner.service import Ahead, OwnTopic

KEY = "ab" * 32
SHARD = partition_of(KEY)
OURS = {"ce_id": f"benefits/{KEY}/7".encode(), "ce_source": b"/benefits", "ce_type": b"x"}


def record(key: bytes | None = KEY.encode(), **changes: bytes | None) -> Any:
    headers = {name: value for name, value in {**OURS, **changes}.items() if value is not None}
    return cast(Any, SimpleNamespace(key=key, headers=tuple(headers.items())))


def test_our_own() -> None:
    assert not is_foreign("benefits", SHARD, record())


@pytest.mark.parametrize(
    "strange",
    [
        record(ce_id=b"7"),
        record(ce_id=None),
        record(ce_id=f"scorer/{KEY}/7".encode()),
        record(ce_id=f"benefits/{KEY}/seven".encode()),
        record(ce_id=f"benefits/{KEY}/7/8".encode()),
        record(ce_source=b"/scorer"),
        record(ce_source=None),
    ],
    ids=["id", "no id", "another's id", "no version", "a longer id", "source", "no source"],
)
def test_a_strangers(strange: Any) -> None:
    assert is_foreign("benefits", SHARD, strange)


@pytest.mark.parametrize("key", [KEY.encode(), b"\xff", None], ids=["a person", "no text", "none"])
def test_one_in_another_partition_than_its_keys(key: bytes | None) -> None:
    strange = record(key=key)
    assert sum(is_foreign("benefits", shard, strange) for shard in range(PARTITIONS)) == PARTITIONS - 1


class _Db:
    """A connection that knows whether a transaction is open."""

    is_open = False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self.is_open = True
        yield
        self.is_open = False

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[_Db]:
        yield self


async def test_no_transaction_is_open_while_kafka_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres ends one that stands idle, so a shard with long topics would never work again."""
    db, read, said = _Db(), list[tuple[str, bool]](), list[tuple[set[bytes], int]]()
    noted = agreement.Noted(sent={"own": 9}, offsets={"input": 0}, topic_ids={"own": "a", "input": "b"})
    claim = store.Claim(3, store.Progress(offsets={"input": 0}), noted, 0)
    topics = {"own": agreement.TopicNow("a", 0, 5), "input": agreement.TopicNow("b", 0, 5)}

    async def between(_kafka: Any, tp: Any, first: int, end: int) -> AsyncIterator[list[Any]]:
        read.append((tp.topic, db.is_open))
        await asyncio.sleep(0)  # the others' turn
        yield [ReadRecord(tp.topic, SHARD, 0, 1, 1, b"k", b"value", ())]

    async def restate(_db: Any, _shard: int, last: Any, ahead: Any, _now: Any) -> AsyncIterator[list[Any]]:
        assert db.is_open
        await asyncio.sleep(0)  # the others' turn
        said.append((set(last), len(ahead)))
        yield []

    async def nothing(*_: Any, **__: Any) -> Any:
        return []

    async def empty(*_: Any) -> AsyncIterator[Any]:
        for each in list[Any]():
            yield each

    async def seen_from(*_: Any) -> agreement.Seen:
        return agreement.Seen("cluster", topics)

    monkeypatch.setattr(claim_check, "between", between)
    monkeypatch.setattr(questions, "seen_from", seen_from)
    for place, names in ((claim_check, ("_require_words", "_sign")), (operator_word, ("mark_applied",))):
        for name in names:
            monkeypatch.setattr(place, name, nothing)
    for name in ("lock", "be_patient", "write_claim"):
        monkeypatch.setattr(store, name, nothing)
    monkeypatch.setattr(store, "pending", empty)
    clock = SimpleNamespace(now=lambda: None, arrival=lambda at_ms: at_ms)
    own = OwnTopic("own", nothing, cast(Any, restate), True, Ahead("input", lambda _: True, nothing))
    host = SimpleNamespace(clock=clock, settings=SimpleNamespace(connection="kafka"), saying_again=asyncio.Lock())
    home = SimpleNamespace(index=0, service="scorer", own=own, pool=db, host=host)
    decided = list[str]()

    def is_decided() -> None:
        assert not read, "before what takes long"
        decided.append("")

    await claim_check.check_claim(cast(Any, home), claim, is_decided)
    assert len(decided) == 1
    assert sorted(read) == [("input", False), ("own", False)]
    assert said == [({b"k"}, 1)]
    read.clear()
    await asyncio.gather(*(claim_check.check_claim(cast(Any, home), claim, lambda: None) for _ in range(2)))
    assert sorted(read[:2]) == sorted(read[2:]) == [("input", False), ("own", False)], "one shard after the other"
