"""The metrics of danielqsj/kafka_exporter, under the same names. Neither a package nor a Go module of it can be had
everywhere, so the tests without containers ask the brokers themselves. `make test-compose` runs the real one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator

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
    """Asks again and again, and says what it was told last, because a broker that dies may take seconds to answer."""

    def __init__(self, kafka: str) -> None:
        self._kafka, self._ended = kafka, threading.Event()
        self._latest: dict[str, list[GaugeMetricFamily]] = {}
        self._asking = threading.Thread(target=self._ask)
        self._asking.start()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for families in list(self._latest.values()):
            yield from families

    def end(self) -> None:
        self._ended.set()
        self._asking.join()

    def _ask(self) -> None:
        while not self._ended.wait(_EVERY_S):
            for ask in (self._cluster, self._offsets):
                with contextlib.suppress(*AWAY):
                    self._latest[ask.__name__] = asyncio.run(ask())

    async def _cluster(self) -> list[GaugeMetricFamily]:
        brokers = GaugeMetricFamily("kafka_brokers", "That answer.")
        leader = GaugeMetricFamily("kafka_topic_partition_leader", "The broker that leads.", labels=_PLACE)
        under = GaugeMetricFamily(
            "kafka_topic_partition_under_replicated_partition", "1 where copies lack.", labels=_PLACE
        )
        async with asyncio.timeout(_TIMEOUT_S), administrator(self._kafka) as admin:
            brokers.add_metric([], len((await admin.describe_cluster())["brokers"]))
            for topic in await admin.describe_topics(_ours(await admin.list_topics())):
                for each in topic["partitions"]:
                    place = [topic["topic"], str(each["partition"])]
                    leader.add_metric(place, each["leader"])
                    under.add_metric(place, float(len(each["isr"]) < len(each["replicas"])))
        return [brokers, leader, under]

    async def _offsets(self) -> list[GaugeMetricFamily]:
        newest = GaugeMetricFamily("kafka_topic_partition_current_offset", "The end.", labels=_PLACE)
        oldest = GaugeMetricFamily("kafka_topic_partition_oldest_offset", "The beginning.", labels=_PLACE)
        lag = GaugeMetricFamily("kafka_consumergroup_lag", "Not committed.", labels=["consumergroup", *_PLACE])
        async with asyncio.timeout(_TIMEOUT_S), asking(self._kafka) as offsets:
            kept = await offsets.kept(_ours(await offsets.topics()))
            for tp, there in kept.items():
                newest.add_metric([tp.topic, str(tp.partition)], there.stop)
                oldest.add_metric([tp.topic, str(tp.partition)], there.start)
            for group in map(group_of, SERVICES):
                for tp, done in (await offsets.committed(group)).items():
                    if tp in kept:
                        lag.add_metric([group, tp.topic, str(tp.partition)], kept[tp].stop - done)
        return [newest, oldest, lag]


def _ours(topics: Iterable[str]) -> list[str]:
    """All but Kafka's own."""
    return [topic for topic in topics if not topic.startswith("_")]


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
