"""Reading a fetch: what can be read comes once and in order, what cannot has a place of its own (rules E14)."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.contracts.cloudevents import HEADERS_MAX
from shared.kafka import records
from shared.kafka.batch import Batch
from shared.kafka.codecs import UNPACKED_BYTES_MAX
from shared.kafka.fetches import FetchedBytes, PartitionReader, Result
from shared.kafka.losses import Losses
from shared.kafka.records import BATCH_RECORDS_MAX, CALL_BYTES_MAX, Shared
from shared.kafka.unreadable import Fetched, Unreadable, next_offset
from tests.support.batches import (
    ABORT,
    CODECS,
    appended,
    as_control,
    at_offset,
    batch,
    control,
    damaged,
    numbered,
    old,
    ones,
    payload_of,
    resealed,
    with_header_name,
)

PLACE = TopicPartition("behavior.raw.bank", 3)
THREE = (b"a", b"b", b"c")


class Lost:
    """Losses, and what was counted of them."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str, int]] = []
        self.losses = Losses(lambda *loss: self.counted.append(loss))


def reader(
    *fetched: bytes, at: int = 0, lost: Lost | None = None, aborted: Sequence[tuple[int, int]] = (), **more: Any
) -> PartitionReader:
    shared = Shared((lost or Lost()).losses, **more)
    return PartitionReader(
        shared, PLACE, FetchedBytes(b"".join(fetched)), aborted, at, None, None, True, READ_COMMITTED
    )


def read(*fetched: bytes, **options: Any) -> list[Fetched]:
    given = reader(*fetched, **options)
    found = given.take(1_000_000)
    assert given.exhausted
    return found


def seen(found: Sequence[Fetched]) -> list[Any]:
    """Values of records; (first, next, code) of what is unreadable."""
    return [
        (each.offset, each.next_offset, each.code) if isinstance(each, Unreadable) else each.value for each in found
    ]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(codec: str) -> None:
    found = read(batch([(b"k", b"v", [("name", b"text"), ("null", None)]), (None, None, ())], base=7, codec=codec))
    assert [(r.offset, r.key, r.value, tuple(r.headers)) for r in found] == [
        (7, b"k", b"v", (("name", b"text"), ("null", None))),
        (8, None, None, ()),
    ]
    assert [r.timestamp for r in found] == [1_700_000_000_000, 1_700_000_000_001]


@pytest.mark.parametrize("said_ms", [-(2**40), -1, 0, 1_700_000_000_000, 2**45, 2**62])
def test_a_senders_own_time_lies_neither_before_1970_nor_ahead(said_ms: int) -> None:
    """A broker that makes a topic by itself lets senders say when they sent."""
    began_ms = int(time.time() * 1000)
    found = read(
        batch([(None, b"a", ())], at_ms=said_ms),
        resealed(batch([(None, b"b", ())], base=1, at_ms=said_ms), codec="unknown"),
    )
    assert [isinstance(each, Unreadable) for each in found] == [False, True]
    for each in found:
        assert 0 <= each.timestamp <= int(time.time() * 1000)
        assert each.timestamp == said_ms or not 0 <= said_ms <= began_ms


@pytest.mark.parametrize("said_ms", [-(2**40), 2**62])
def test_a_damaged_batch_is_not_believed_when_it_was_appended(said_ms: int) -> None:
    """Its shard notes the time for good, and could begin nowhere if no calendar had it."""
    [found] = reader(damaged(appended(batch([(None, b"a", ())], at_ms=said_ms)))).take(1)
    assert isinstance(found, Unreadable)
    assert 0 <= found.timestamp <= int(time.time() * 1000)


BEFORE, BEHIND = ones([b"before"]), ones([b"behind"], base=4)
GOOD = ones(THREE, base=1)
_HEADERS = batch([(None, b"a", ()), (None, b"b", [("name", b"x")]), (None, b"c", ())], base=1)
UNREADABLE: dict[str, tuple[bytes, list[Any]]] = {
    "checksum": (damaged(GOOD), [(1, 4, "unreadable")]),
    "bomb": (ones([b"a", bytes(UNPACKED_BYTES_MAX), b"c"], base=1, codec="zstd"), [(1, 4, "batch-too-large")]),
    "an unknown codec": (resealed(GOOD, codec="unknown"), [(1, 4, "unreadable")]),
    "not what the codec writes": (resealed(GOOD, codec="lz4"), [(1, 4, "unreadable")]),
    "cut off": (
        resealed(GOOD, bytes(cramjam.zstd.compress(payload_of(GOOD)))[:-3], codec="zstd"),
        [(1, 4, "unreadable")],
    ),
    "records that do not add up": (resealed(GOOD, payload_of(GOOD)[:-2]), [b"a", b"b", (3, 4, "unreadable")]),
    "nothing in it": (resealed(GOOD, b""), [(1, 4, "unreadable")]),
    "garbage": (resealed(GOOD, b"\xff" * 40), [(1, 4, "unreadable")]),
    "more records than it says": (resealed(GOOD, count=1), [b"a", (2, 4, "unreadable")]),
    "more than it says, packed": (
        resealed(GOOD, bytes(cramjam.zstd.compress(payload_of(GOOD))), codec="zstd", count=2),
        [b"a", b"b", (3, 4, "unreadable")],
    ),
    "numbers that leave out the first": (numbered(THREE, [2, 2, 2], base=1), [(1, 4, "unreadable")]),
    "numbers that leave out another": (numbered(THREE, [0, 0, 2], base=1), [b"a", (2, 4, "unreadable")]),
    "numbers that leave out the last": (numbered(THREE, [0, 1, 1], base=1), [b"a", b"b", (3, 4, "unreadable")]),
    "numbers that fall": (numbered(THREE, [2, 1, 0], base=1), [(1, 4, "unreadable")]),
    "none, it says": (resealed(GOOD, count=0), [(1, 4, "unreadable")]),
    "fewer than none, it says": (resealed(GOOD, count=-(2**31)), [(1, 4, "unreadable")]),
    "two thousand millions, it says": (resealed(GOOD, count=2**31 - 1), [(1, 4, "batch-too-large")]),
    "a header's name": (
        with_header_name(_HEADERS, b"name", b"n\xff\xfee"),
        [b"a", (2, 3, "envelope-header"), b"c"],
    ),
    "headers": (
        batch([(None, b"a", ()), (None, b"b", [("", b"")] * (HEADERS_MAX + 1)), (None, b"c", ())], base=1),
        [b"a", (2, 3, "too-many-headers"), b"c"],
    ),
    "a great many headers": (
        batch([(None, b"a", ()), (None, b"b", [("", b"")] * 800_000), (None, b"c", ())], base=1, codec="gzip"),
        [b"a", (2, 3, "too-many-headers"), b"c"],
    ),
}
each_unreadable = pytest.mark.parametrize(("bad", "expected"), UNREADABLE.values(), ids=UNREADABLE)


@each_unreadable
def test_what_cannot_be_read_costs_no_other(bad: bytes, expected: list[Any]) -> None:
    assert _fetched_to_the_end(BEFORE, bad, BEHIND, per_call=1_000) == [b"before", *expected, b"behind"]


@each_unreadable
@pytest.mark.parametrize("per_call", [1, 2])
def test_in_calls_of_any_size_too(bad: bytes, expected: list[Any], per_call: int) -> None:
    assert _fetched_to_the_end(BEFORE, bad, BEHIND, per_call=per_call) == [b"before", *expected, b"behind"]


@each_unreadable
@pytest.mark.parametrize("at", range(1, 5))
def test_what_was_taken_before_does_not_come_again(bad: bytes, expected: list[Any], at: int) -> None:
    """A position in the middle of a batch: after a restart, or where the fetch was dropped."""
    whole = _fetched_to_the_end(BEFORE, bad, BEHIND, per_call=1_000)
    found = _fetched_to_the_end(BEFORE, bad, BEHIND, per_call=1_000, at=at)
    assert found[-1] == b"behind"
    assert len(found) == len([each for each in _positions(whole) if each >= at])


def _positions(found: list[Any]) -> list[int]:
    """The last position that each stands for."""
    at, positions = 0, []
    for each in found:
        at = each[1] if isinstance(each, tuple) else at + 1
        positions.append(at - 1)
    return positions


def _fetched_to_the_end(*log: bytes, per_call: int, at: int = 0) -> list[Any]:
    """As a consumer fetches: anew, from the position, whenever a fetch is exhausted."""
    end = Batch(log[-1]).next_offset
    found: list[Fetched] = []
    lost = Lost()
    while at < end:
        current = reader(*[data for data in log if Batch(data).next_offset > at], at=at, lost=lost)
        while not current.exhausted:
            current.shared.room = CALL_BYTES_MAX
            found += current.take(per_call)
        assert current.next_fetch_offset > at
        at = current.next_fetch_offset
    assert lost.counted == []
    return seen(found)


def test_the_sentence_names_the_positions() -> None:
    [_, what, _] = _raw(BEFORE, UNREADABLE["bomb"][0], BEHIND)
    assert isinstance(what, Unreadable)
    assert "3 records, from offset 1 to 3" in what.sentence
    assert (what.timestamp, next_offset(what)) == (1_700_000_000_002, 4)


def _raw(*fetched: bytes) -> list[Fetched]:
    return reader(*fetched).take(1_000)


def test_a_damaged_batch_without_an_end_keeps_the_position() -> None:
    """What it says of its own length is wrong too, and no sound batch follows."""
    bad = damaged(resealed(ones(THREE, base=1), delta=1_000_000))
    given = reader(BEFORE, bad)
    assert seen(given.take(100)) == [b"before"]
    assert (given.next_fetch_offset, given.exhausted) == (1, True)
    # With the next batch behind it, its end is known.
    assert seen(reader(bad, BEHIND, at=1).take(100)) == [(1, 4, "unreadable")]


def test_half_a_batch_waits_for_the_next_fetch() -> None:
    given = reader(BEFORE, GOOD[:-1])
    assert seen(given.take(100)) == [b"before"]
    assert (given.next_fetch_offset, given.exhausted) == (1, True)


# -- holes -------------------------------------------------------------------------------------------------------------


def test_a_hole_is_a_loss() -> None:
    lost = Lost()
    assert seen(read(BEFORE, ones(THREE, base=5), ones(THREE, base=8), lost=lost)) == [b"before", *THREE, *THREE]
    assert lost.counted == [(PLACE.topic, "gap", 4)]
    [trouble] = lost.losses.troubles()
    assert trouble.startswith("behavior.raw.bank/3: 4 records from offset 1 on were not read")


def test_a_hole_within_a_batch_is_one_too() -> None:
    lost = Lost()
    assert seen(read(resealed(ones(THREE), delta=4), lost=lost)) == [*THREE]
    assert lost.counted == [(PLACE.topic, "gap", 2)]


def test_a_hole_that_is_met_again_is_one_loss() -> None:
    lost = Lost()
    for _ in range(2):
        read(BEFORE, ones(THREE, base=5), lost=lost)
    assert lost.counted == [(PLACE.topic, "gap", 4)]


def test_a_compacted_topic_has_holes_by_design() -> None:
    lost = Lost()
    read(BEFORE, ones(THREE, base=5), lost=lost, compacted=frozenset([PLACE.topic]))
    assert lost.counted == []


def test_a_transaction_makes_no_hole() -> None:
    """Its marker and what was aborted are there, and passed over."""
    lost = Lost()
    found = read(
        ones([b"kept"], base=0, producer=5, transactional=True),
        control(1, 5, abort=False),
        ones([b"aborted", b"too"], base=2, producer=5, transactional=True),
        control(4, 5, abort=True),
        ones([b"next"], base=5, producer=5, transactional=True),
        lost=lost,
        aborted=[(5, 2)],
    )
    assert seen(found) == [b"kept", b"next"]
    assert lost.counted == []


def test_an_aborted_batch_that_cannot_be_read_is_nobodys() -> None:
    bomb = ones([bytes(UNPACKED_BYTES_MAX)], base=0, codec="zstd", producer=5, transactional=True)
    assert seen(read(bomb, control(1, 5, abort=True), aborted=[(5, 0)])) == []


@pytest.mark.parametrize("count", [4, 5, 1_000])
def test_fewer_records_than_a_batch_says_are_all_read(count: int) -> None:
    assert _fetched_to_the_end(BEFORE, resealed(GOOD, count=count), BEHIND, per_call=9) == [
        b"before",
        *THREE,
        b"behind",
    ]


@pytest.mark.parametrize("is_compacted", [True, False])
def test_a_batch_of_which_compaction_has_left_nothing_is_a_hole(is_compacted: bool) -> None:
    """A broker keeps its head, for the sequence of its producer. On a topic that is not compacted, that is a loss."""
    lost = Lost()
    compacted = frozenset([PLACE.topic]) if is_compacted else frozenset()
    assert seen(read(BEFORE, resealed(GOOD, b"", count=0), BEHIND, lost=lost, compacted=compacted)) == [
        b"before",
        b"behind",
    ]
    assert lost.counted == ([] if is_compacted else [(PLACE.topic, "gap", 3)])


_OF_FIVE: dict[str, Any] = {"base": 1, "producer": 5, "transactional": True}
MARKERS: dict[str, bytes] = {
    "of nobody": control(1, -1, abort=True),
    "garbage": as_control(resealed(ones([b"a"], **_OF_FIVE), b"\xff" * 40)),
    "no record": as_control(resealed(ones([b"a"], **_OF_FIVE), b"", count=0)),
    "no record, and says one": as_control(resealed(ones([b"a"], **_OF_FIVE), b"")),
    "two records": as_control(batch([(ABORT, b"", ()), (ABORT, b"", ())], **_OF_FIVE)),
    "no key": as_control(batch([(None, b"", ())], **_OF_FIVE)),
    "half a key": as_control(batch([(ABORT[:3], b"", ())], **_OF_FIVE)),
    "packed": as_control(batch([(ABORT, b"", ())], codec="zstd", **_OF_FIVE)),
    "a bomb": as_control(batch([(ABORT, bytes(UNPACKED_BYTES_MAX), ())], codec="zstd", **_OF_FIVE)),
}


@pytest.mark.parametrize("marker", MARKERS.values(), ids=MARKERS)
def test_what_only_calls_itself_a_marker_has_no_records_and_ends_nothing(marker: bytes) -> None:
    """A broker takes none from a client. The transaction stays aborted, and what is packed is not unpacked."""
    end = Batch(marker).next_offset
    aborted = ones([b"aborted"], base=end, producer=5, transactional=True)
    found = read(ones([b"aborted"], base=0, producer=5, transactional=True), marker, aborted, aborted=[(5, 0)])
    assert seen(found) == []
    lost = Lost()
    assert seen(read(BEFORE, marker, ones(THREE, base=end), lost=lost)) == [b"before", *THREE]
    assert lost.counted == []


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("size", [0, 10, 5_000])
def test_a_message_of_an_old_format_has_its_answer_and_holds_nobody_up(magic: int, size: int) -> None:
    """A broker of today takes none, and gives out those that it has had since before."""
    values = [bytes(size) for _ in range(3)]
    lost, given = Lost(), reader(BEFORE, *old(values, magic=magic, base=1), BEHIND)
    found = [each for per_call in (1, 2, 9) for each in given.take(per_call)]
    assert seen(found) == [b"before", *((at, at + 1, "unreadable") for at in (1, 2, 3)), b"behind"]
    assert isinstance(found[1], Unreadable)
    assert "before Kafka 0.11" in found[1].sentence
    assert found[1].timestamp == (1_700_000_000_000 if magic else 0)
    assert lost.counted == []


@pytest.mark.parametrize("magic", [0, 1])
def test_old_messages_in_one_packet_have_one_answer(magic: int) -> None:
    """Its offset is that of the last of them, and what it unpacks to has no bound."""
    [packet] = old([bytes(1_000_000)] * 3, magic=magic, base=3, codec="gzip")
    assert seen(reader(BEFORE, packet, BEHIND).take(9)) == [b"before", (1, 4, "unreadable"), b"behind"]
    assert seen(reader(packet, BEHIND, at=2).take(9)) == [(2, 4, "unreadable"), b"behind"]
    assert seen(reader(packet, BEHIND, at=4).take(9)) == [b"behind"]


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_damaged_old_message_keeps_the_position(cut: int) -> None:
    """Where it ends cannot be told."""
    [message] = old([b"a"], magic=1, base=1)
    for bad in (message[:-cut], damaged(message)):
        given = reader(BEFORE, bad)
        assert seen(given.take(9)) == [b"before"]
        assert (given.next_fetch_offset, given.exhausted) == (1, True)


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "at_once"), [(4_000_000, 2), (1_000_000, 5)], ids=["large", "made at once"])
def test_a_call_opens_no_more_than_it_has_room_for(size: int, at_once: int) -> None:
    given = reader(*[ones([bytes(size)], base=base, codec="zstd") for base in range(20)])
    counts = []
    while not given.exhausted:
        given.shared.room = CALL_BYTES_MAX
        counts.append(len(given.take(1_000)))
    assert counts == [at_once] * (20 // at_once) + [0]


def test_a_large_batch_is_taken_in_parts() -> None:
    large = batch([(None, bytes(500_000), [("n", b"")] * 64)] * 30, codec="zstd")
    given = reader(large, ones([b"behind"], base=30))
    counts = []
    while not given.exhausted:
        given.shared.room = CALL_BYTES_MAX
        counts.append(len(given.take(1_000)))
    assert sum(counts) == 31
    assert max(counts) * 500_000 < CALL_BYTES_MAX + 500_000


def test_a_damaged_record_before_the_position_costs_none_behind_it() -> None:
    """Of a large batch, which is read record by record, from the middle on."""
    whole = batch([(None, b"a", ()), (None, bytes(2_000_000), ()), (None, b"c", ())], codec="zstd")
    records = bytearray(Batch(whole).unpacked().data[61:])
    # The length of the first value says more than there is.
    records[5] = 0x7E
    bad = resealed(whole, bytes(cramjam.zstd.compress(bytes(records))), codec="zstd")
    assert seen(reader(bad).take(9))[::2] == [(0, 1, "unreadable"), b"c"]
    assert seen(reader(bad, at=2).take(9)) == [b"c"]


@pytest.mark.parametrize(("count", "refused"), [(0, False), (1, True)], ids=["as many as may be", "one more"])
def test_a_batch_of_too_many_records_has_one_answer(count: int, refused: bool) -> None:
    count += BATCH_RECORDS_MAX
    found = read(batch([(None, None, ())] * count), ones([b"behind"], base=count))
    assert len(found) == (2 if refused else count + 1)
    if refused:
        assert seen(found) == [(0, count, "batch-too-large"), b"behind"]
        assert f"{count} records" in found[0].sentence


@pytest.mark.parametrize("codec", sorted(CODECS.keys() - {"none"}))
@pytest.mark.parametrize("count", [1, 7, 20, 1_000, 50_000])
def test_next_to_nothing_has_one_answer_however_many_records_it_is(codec: str, count: int) -> None:
    """Its answers would be hundreds of times what was sent."""
    given = batch([(None, None, ())] * count, codec=codec)
    found = read(given, ones([b"behind"], base=count))
    answers = sum(1 for each in found if each.value is None)
    assert answers <= max(7, len(given) / 8)
    if len(given) < 8 * count:
        assert seen(found) == [(0, count, "batch-too-large"), b"behind"]
        assert f"{count} records in {len(given)} bytes" in found[0].sentence
    else:
        assert len(found) == count + 1


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_events_that_a_codec_shrinks_well_are_read_each_by_itself(codec: str) -> None:
    """Alike but for an id, an account and an amount."""
    events = [
        b'{"specversion":"1.0","id":"e-%d","source":"https://bank.example","type":"card.payment.booked",'
        b'"time":"2026-03-05T10:00:00Z","data":{"customer":{"account":"GS%012d"},"amount":{"currency":"CNY","minor":%d}}}'
        % (number, number * 7919 % 10**12, 1_000 + number)
        for number in range(3_000)
    ]
    assert seen(read(ones(events, codec=codec))) == events


# -- laws --------------------------------------------------------------------------------------------------------------

_piece = st.sampled_from(["good", *UNREADABLE])


# A batch that unpacks into megabytes takes its time on a busy machine.
@settings(deadline=None)
@given(pieces=st.lists(_piece, min_size=1, max_size=6), per_call=st.integers(1, 7))
def test_every_position_is_answered_once_and_in_order(pieces: list[str], per_call: int) -> None:
    log, base = [], 0
    for piece in pieces:
        log.append(at_offset(GOOD if piece == "good" else UNREADABLE[piece][0], base))
        base += 3
    found = _fetched_to_the_end(*log, ones([b"end"], base=base), per_call=per_call)
    assert _positions(found)[-1] == base
    assert sum(1 for each in found if each == b"a") >= pieces.count("good")


@given(data=st.data())
def test_no_bytes_raise(data: st.DataObject) -> None:
    """Whatever a disk or a client makes of a batch, with a checksum that fits or not."""
    codec = data.draw(st.sampled_from(["none", "gzip", "snappy", "lz4", "zstd"]))
    good = batch([(b"k", b"v" * 30, [("h", b"x")])] * 3, codec=codec)
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(61, len(good) - 1))] = data.draw(st.integers(0, 255))
    fetched = bytes(changed) if data.draw(st.booleans()) else resealed(bytes(changed))
    given = reader(fetched, ones([b"end"], base=3))
    given.take(1_000)
    assert given.next_fetch_offset in (3, 4)


def test_what_was_fetched_is_freed_at_once() -> None:
    """Up to a mebibyte a fetch, which would otherwise wait for the collector."""
    gc.disable()
    try:
        whole = reader(batch([(b"k", b"v", ())] * 3))
        gone = weakref.ref(whole)
        assert len(whole.take(2)) == 2
        del whole
        assert gone() is None
    finally:
        gc.enable()


def test_the_log_is_told_once_of_a_batch_however_many_of_its_records_cannot_be_read() -> None:
    unlike = Random(1)
    hostile = batch([(None, unlike.randbytes(9), [("", b"")] * (HEADERS_MAX + 1)) for _ in range(300)], codec="zstd")
    with capture_logs() as told:
        assert len(read(hostile, batch([(None, None, [("", b"")] * (HEADERS_MAX + 1))], base=300))) == 301
    assert [(each["first"], each["records_in_batch"]) for each in told] == [(0, 300), (300, 1)]


@pytest.mark.parametrize("fails", ["_made", "alone"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_machine_without_memory_says_nothing_about_a_record(
    fails: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the next one still, and none of it is passed over or refused."""
    # One that cannot be read has its batch looked at record by record.
    data = GOOD if fails == "_made" else with_header_name(_HEADERS, b"name", b"n\xff\xfee")
    owner: Any = records if fails == "_made" else Batch
    made, calls = getattr(owner, fails), [number if fails == "_made" else 1]

    def out_of_memory_once(*args: Any) -> Any:
        calls[0] -= 1
        if calls[0] == -1:
            raise MemoryError
        return made(*args)

    monkeypatch.setattr(owner, fails, out_of_memory_once)
    lost = Lost()
    given = reader(data, at=1, lost=lost)
    before: list[Fetched] = []
    with pytest.raises(MemoryError):  # noqa: PT012  # any of the calls
        for _ in range(4):
            before.extend(given.take(1))
    assert [next_offset(each) for each in before] == list(range(2, given.next_fetch_offset + 1))
    after = read(data, at=given.next_fetch_offset, lost=lost)
    whole = seen(read(data, at=1))
    assert seen(before) + seen(after) == whole
    assert lost.counted == []


def test_what_was_taken_when_memory_ran_out_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader stands in the middle of a batch then, and would go on behind it."""
    given = reader(GOOD, at=1)
    state = SimpleNamespace(paused=False, position=1)
    result = Result(
        PLACE, assignment=SimpleNamespace(active=True, state_value=lambda _: state), partition_records=given, backoff=0
    )

    def out_of_memory(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(records, "_made", out_of_memory)
    with pytest.raises(MemoryError):
        result.getall()
    monkeypatch.undo()
    assert result.getall() == []
    assert not result.has_more()
    assert state.position == 1
