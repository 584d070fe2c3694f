"""What a consumer says of itself, without a broker."""

from __future__ import annotations

from aiokafka import TopicPartition

from shared.kafka.consumer import beside

_HERE, _ELSEWHERE = TopicPartition("behavior.raw.bank", 1), TopicPartition("behavior.raw.hotel", 2)


async def test_troubles_are_those_of_partitions_that_are_held() -> None:
    """One that has moved to another process must not keep this one from being ready for ever."""
    consumer = beside("nowhere:9092", [])
    for held, said in ((_ELSEWHERE, 2), (_HERE, 0), (_ELSEWHERE, 2)):
        consumer.assign([held])
        consumer.beyond[_ELSEWHERE] = 70
        consumer._shared.with_senders_times.add(_ELSEWHERE.topic)
        assert len(consumer.troubles()) == said
