"""What danielqsj/kafka_exporter says of the brokers, by its names: neither a package nor a Go module of it can be had
everywhere, so the tests without containers ask the brokers themselves. `make test-compose` runs the real one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from goodstanding.reading.offsets import asking
from shared.contracts.topics import SERVICES, group_of
from shared.kafka.topic_admin import administrator
from tests.faults.cluster import AWAY

_PLACE = ["topic", "partition"]
_EVERY_S, _TIMEOUT_S = 0.5, 10.0


class _Brokers(Collector):
    """Asks again and again, and says what it was told last: of a broker that dies an answer may take seconds."""

    def __init__(self, kafka: str) -> None:
        self._kafka, self._latest, self._ended = kafka, list[GaugeMetricFamily](), threading.Event()
        self._asking = threading.Thread(target=self._ask)
        self._asking.start()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._latest

    def end(self) -> None:
        self._ended.set()
        self._asking.join()

    def _ask(self) -> None:
        while not self._ended.wait(_EVERY_S):
            with contextlib.suppress(*AWAY):
                self._latest = asyncio.run(self._asked())

    async def _asked(self) -> list[GaugeMetricFamily]:
        brokers = GaugeMetricFamily("kafka_brokers", "That answer.")
        newest = GaugeMetricFamily("kafka_topic_partition_current_offset", "The end.", labels=_PLACE)
        oldest = GaugeMetricFamily("kafka_topic_partition_oldest_offset", "The beginning.", labels=_PLACE)
        leader = GaugeMetricFamily("kafka_topic_partition_leader", "The broker that leads.", labels=_PLACE)
        under = GaugeMetricFamily(
            "kafka_topic_partition_under_replicated_partition", "1 where copies lack.", labels=_PLACE
        )
        lag = GaugeMetricFamily("kafka_consumergroup_lag", "Not committed.", labels=["consumergroup", *_PLACE])
        async with asyncio.timeout(_TIMEOUT_S), administrator(self._kafka) as admin, asking(self._kafka) as offsets:
            brokers.add_metric([], len((await admin.describe_cluster())["brokers"]))
            topics = await admin.describe_topics([name for name in await admin.list_topics() if name[0] != "_"])
            for topic in topics:
                for each in topic["partitions"]:
                    place = [topic["topic"], str(each["partition"])]
                    leader.add_metric(place, each["leader"])
                    under.add_metric(place, float(len(each["isr"]) < len(each["replicas"])))
            ends: dict[TopicPartition, int] = {}
            for tp, kept in (await offsets.kept([topic["topic"] for topic in topics])).items():
                ends[tp] = kept.stop
                newest.add_metric([tp.topic, str(tp.partition)], kept.stop)
                oldest.add_metric([tp.topic, str(tp.partition)], kept.start)
            for group in map(group_of, SERVICES):
                for tp, done in (await offsets.committed(group)).items():
                    if tp in ends:
                        lag.add_metric([group, tp.topic, str(tp.partition)], ends[tp] - done)
        return [brokers, newest, oldest, leader, under, lag]


@contextlib.contextmanager
def running(kafka: str, port: int) -> Iterator[None]:
    registry, brokers = CollectorRegistry(auto_describe=False), _Brokers(kafka)
    registry.register(brokers)
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        yield
    finally:
        brokers.end()
        server.shutdown()
        server.server_close()
        thread.join()
