"""What a fetch brought of one partition, batch by batch. No bytes can make it raise, and nothing of it is unbounded.

The library reads a whole fetch as one stream of records. One batch that it cannot read ends its call, after it has
already moved the positions of what it had taken from other partitions. Here a batch, or one record of it, that cannot
be read becomes an `Unreadable` in its place, and the next one follows (`records`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords

from shared.contracts.cloudevents import HEADER_MEMORY_BYTES
from shared.contracts.faults import Code
from shared.kafka.batch import Batch, old_message
from shared.kafka.records import Records, Shared
from shared.kafka.unreadable import Fetched

FETCHED_BYTES_MAX = 16 * 1024 * 1024
"""No more is fetched while so much waits, as it came, to be read, of all partitions together."""


class FetchedBytes:
    """In the place of the library's MemoryRecords, which would cut the bytes into batches and keep them to itself."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""

    def has_next(self) -> bool:
        return bool(self.data)

    def size_in_bytes(self) -> int:
        return len(self.data)


class PartitionReader(PartitionRecords):  # type: ignore[misc]  # the library has no types
    """The records of one fetch, at most so many at a time; `next_fetch_offset` is always behind what was taken last.

    The base class has the bookkeeping of aborted transactions, and a stream of records that is not used.
    """

    def __init__(
        self, shared: Shared, tp: TopicPartition, fetched: FetchedBytes, aborted: Any, offset: int, *library: Any
    ) -> None:
        self._reading = Records(shared, tp, offset)
        self._begins_at = offset
        super().__init__(tp, fetched, aborted, offset, *library)
        # It is not used, and holds the reader, so that only the collector would free what was fetched.
        self._records_iterator = None
        self.shared = shared
        self.shared.rests.answered(fetched.size_in_bytes(), time.monotonic())
        self.exhausted = False
        self.data = fetched.data
        self._at = 0
        self._open: Iterator[Fetched] = iter(())
        self._open_at = 0

    @property
    def next_fetch_offset(self) -> int:
        return self._reading.next_offset

    @next_fetch_offset.setter
    def next_fetch_offset(self, offset: int) -> None:
        self._reading.next_offset = offset

    def take(self, count: int) -> list[Fetched]:
        """The next records; fewer than `count` when the fetch is exhausted or the call has no room for more batches."""
        taken = self._of_open(count)
        while len(taken) < count and self.shared.room > 0 and not self.exhausted:
            self._reading.is_large = False
            self._open = self._next_batch()
            taken.extend(self._of_open(count - len(taken)))
        if self._begins_at != self.next_fetch_offset:
            self.shared.halts.went_on(self._tp)
        elif self.exhausted:
            self.shared.halts.failed(self._tp, self._begins_at, "what Kafka has there is damaged, and has no end")
        return taken

    def _of_open(self, count: int) -> list[Fetched]:
        """Of the open batch. A large one may have more than the call has room for: it is opened again by the next call,
        so that it takes no memory while others have their turn."""
        if not self._reading.is_large:
            return list(islice(self._open, count))
        taken: list[Fetched] = []
        while len(taken) < count and self.shared.room > 0 and (record := next(self._open, None)) is not None:
            headers = HEADER_MEMORY_BYTES * len(record.headers)
            self.shared.room -= len(record.key or b"") + len(record.value or b"") + headers
            taken.append(record)
        if self.shared.room <= 0:
            self._at = self._open_at
            self.close()
        return taken

    def close(self) -> None:
        """Let go of the open batch at once, though somebody may still hold the reader."""
        self._open = iter(())

    def _next_batch(self) -> Iterator[Fetched]:
        if (old := old_message(self.data, self._at)) is not None:
            self._open_at, self._at = self._at, self._at + old.size
            return self._reading.old(old)
        batch = Batch.at(self.data, self._at)
        if batch is None:
            self.exhausted = True
            return iter(())
        self._open_at = self._at
        self._at += len(batch.data)
        if not batch.is_sound:
            return self._damaged(batch)
        self._reading.missing_before(batch.library.base_offset)
        if self._is_passed_over(batch):
            self._reading.next_offset = batch.next_offset
            return iter(())
        return self._reading.of(batch)

    def _is_passed_over(self, batch: Batch) -> bool:
        """Transactions' markers, and what was aborted: as in the library."""
        given = batch.library
        if self._isolation_level == READ_COMMITTED and given.producer_id is not None:
            self._consume_aborted_up_to(given.base_offset)
            if given.is_control_batch and self._is_abort(batch):
                self._aborted_producers.discard(given.producer_id)
            if given.is_transactional and given.producer_id in self._aborted_producers:
                return True
        return bool(given.is_control_batch)

    def _is_abort(self, batch: Batch) -> bool:
        """A marker that a broker has written is one record, unpacked. Whatever else calls itself one ends nothing."""
        if batch.count != 1 or batch.library.compression_type:
            return False
        try:
            return bool(self._contains_abort_marker(batch.library))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  # whatever the library raises for what it cannot read
            return False

    # -- not sound -----------------------------------------------------------------------------------------------------

    def _damaged(self, batch: Batch) -> Iterator[Fetched]:
        """A batch with a wrong checksum: what it says of itself may be wrong too, also which producer it is of.

        So nothing behind it is read with it, but fetched again. Where it cannot be told where the batch ends, the
        position stays, and readiness says that the partition does not go on.
        """
        self.exhausted = True
        following = Batch.at(self.data, self._at)
        if following is not None and following.is_sound:
            behind = following.library.base_offset
        elif batch.is_whole:
            behind = batch.next_offset
        else:
            return iter(())
        what = "The batch is damaged: its checksum is wrong. Send its events again."
        return self._reading.unreadable(batch, behind, Code.UNREADABLE, what, is_sound=False)


class Result(FetchResult):  # type: ignore[misc]  # the library has no types
    """What the fetcher keeps of a fetch until it is taken: the library's, which takes records by the reader's rules."""

    _partition_records: Any

    @property
    def waiting_bytes(self) -> int:
        """What it holds as it came, all of it until the last is taken."""
        reader: PartitionReader | None = self._partition_records
        return len(reader.data) if reader is not None else 0

    def getall(self, max_records: int | None = None) -> list[Fetched]:
        reader: PartitionReader | None = self._partition_records
        if reader is None:
            return []
        if not self.check_assignment(self._topic_partition):
            reader.close()
            return []
        reader.shared.drained.setdefault(self._topic_partition, reader.next_fetch_offset)
        try:
            taken = reader.take(max_records or sys.maxsize)
        except BaseException:
            # The machine has no memory left. The reader stands in the middle of a batch, and what it took is with
            # nobody, so all of it is fetched again from the position, which has not moved.
            self._partition_records = None
            raise
        self._update_position()
        if reader.exhausted:
            self._partition_records = None
        return taken
