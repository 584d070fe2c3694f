"""Rights derived from the table of topics. On a real broker: tests/integration/test_secured_kafka.py."""

from __future__ import annotations

import pytest

from shared.contracts.rights import Operation, Right, may, principals, rights
from shared.contracts.topics import SERVICES, SIMULATION, WITNESS, topics

PARTNERS = ["bank", "hotel"]
RIGHTS = rights(PARTNERS)


def test_every_topic_of_the_table_is_written_and_read_by_somebody() -> None:
    for topic in (*topics(PARTNERS), WITNESS, SIMULATION):
        for operation in ("read", "write"):
            assert any(right.covers("topic", topic.name, operation) for right in RIGHTS), (topic.name, operation)


@pytest.mark.parametrize(
    ("principal", "operation", "topic", "allowed"),
    [
        ("partner-bank", "write", "behavior.raw.bank", True),
        ("partner-bank", "write", "behavior.raw.hotel", False),
        ("partner-bank", "write", "behavior.raw.banknote", False),
        ("partner-bank", "write", "behavior.normalized", False),
        ("partner-bank", "read", "behavior.raw.bank", False),
        ("partner-bank", "describe", "behavior.raw.bank", True),
        ("partner-bank", "read", "behavior.rejected.hotel", False),
        ("scorer", "write", "scores.changed", True),
        ("benefits", "write", "scores.changed", False),
        ("operator", "write", "scores.changed", False),
        ("operator", "write", "subject.answers", False),
        ("subscriber", "write", "scores.changed", False),
        ("subscriber", "read", "records.changed", False),
        ("ingest", "read", "behavior.raw.of-a-partner-to-come", True),
        ("ingest", "read", "scores.changed", False),
        ("nobody", "read", "scores.changed", False),
    ],
)
def test_who_may(principal: str, operation: Operation, topic: str, allowed: bool) -> None:
    assert may(RIGHTS, principal, operation, "topic", topic) is allowed


def test_only_the_administrator_changes_topics_and_rights() -> None:
    assert {right.operation for right in RIGHTS} == {"read", "write", "describe"}
    assert not any(right.resource == "cluster" for right in RIGHTS)


def test_a_prefix_never_takes_in_another_principal() -> None:
    """`scorer-` is no start of another service's id, and `partner-bank.` none of `partner-banknote`."""
    names = principals([*PARTNERS, "banknote"])
    for right in rights([*PARTNERS, "banknote"]):
        if right.is_prefix and right.resource != "topic":
            assert {name for name in names if f"{name}{right.name[-1]}".startswith(right.name)} == {right.principal}


def test_everybody_is_somebody_of_its_own() -> None:
    assert len(set(principals(PARTNERS))) == len(principals(PARTNERS)) == len(SERVICES) + 6
    assert {right.principal for right in RIGHTS} == set(principals(PARTNERS))


def test_another_subscriber_has_the_same_rights_and_groups_of_its_own() -> None:
    named = [right for right in rights([], ["insurer"]) if right.principal == "insurer"]
    assert named == [
        Right("insurer", "group", "insurer.", "read", is_prefix=True),
        Right("insurer", "topic", "scores.changed", "read"),
        Right("insurer", "topic", "tiers.changed", "read"),
    ]
