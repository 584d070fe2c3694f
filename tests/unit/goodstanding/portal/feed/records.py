"""Announcements as the records that they become."""

from __future__ import annotations

from aiokafka import ConsumerRecord

from shared.contracts.exchange import Announcement
from shared.contracts.partition import partition_of
from shared.runner.service import Record


def record_of(said: Announcement) -> Record:
    assert said.key is not None
    return ConsumerRecord(
        topic=said.topic,
        partition=partition_of(said.key.decode()),
        offset=0,
        timestamp=0,
        timestamp_type=1,
        key=said.key,
        value=said.value,
        checksum=None,
        serialized_key_size=len(said.key),
        serialized_value_size=len(said.value or b""),
        headers=said.headers,
    )
