"""Topics for Strimzi say what the table says."""

from __future__ import annotations

import yaml

from goodstanding.platform import topic_text
from shared.contracts.topics import WITNESS, topics
from tests.support.command_line import ask


def test_each_topic_is_a_resource_with_all_its_settings() -> None:
    table = [*topics(["bank"]), WITNESS]
    made = list(yaml.safe_load_all(topic_text.strimzi(table, "main", 3)))
    assert [each["metadata"]["name"] for each in made] == [topic.name for topic in table]
    for topic, each in zip(table, made, strict=True):
        assert each["metadata"]["labels"] == {"strimzi.io/cluster": "main"}
        assert each["spec"] == {"partitions": topic.partitions, "replicas": 3, "config": topic.settings(3)}


def test_the_command_asks_no_server() -> None:
    said = ask("topics", "--format", "strimzi", "--cluster", "main", "--replication-factor", "3")
    assert said.exit_code == 0
    names = {each["metadata"]["name"] for each in yaml.safe_load_all(said.stdout)}
    assert {"behavior.raw.bank", "scores.changed", "services.time"} <= names
