"""The table of topics as others write it: resources of the Strimzi operator for Kubernetes."""

from __future__ import annotations

from collections.abc import Iterable

from shared.contracts.topics import Topic


def strimzi(topics: Iterable[Topic], cluster: str, replication_factor: int) -> str:
    """A KafkaTopic for each topic, as YAML. `cluster` is the name of the Kafka resource."""
    return "".join(_topic(each, cluster, replication_factor) for each in topics)


def _topic(topic: Topic, cluster: str, replication_factor: int) -> str:
    lines = [
        "---",
        "apiVersion: kafka.strimzi.io/v1beta2",
        "kind: KafkaTopic",
        "metadata:",
        f"  name: {topic.name}",
        "  labels:",
        f"    strimzi.io/cluster: {cluster}",
        "spec:",
        f"  partitions: {topic.partitions}",
        f"  replicas: {replication_factor}",
        "  config:",
        # Quoted, since a number would lose digits on its way through some programs.
        *(f'    {name}: "{value}"' for name, value in sorted(topic.settings(replication_factor).items())),
    ]
    return "\n".join(lines) + "\n"
