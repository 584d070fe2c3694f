"""Who may do what on Kafka, derived from the table of topics: everything that is not listed here is refused.

A right is what Kafka calls an ACL that allows. Read and write each imply that the resource may be described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from shared.contracts.topics import (
    CROSSWALK_PREFIX,
    DISPUTES_PREFIX,
    PORTAL,
    RAW_PREFIX,
    RECORDS_CHANGED,
    REDRIVE,
    REJECTED_PREFIX,
    SCORES_CHANGED,
    SERVICES,
    SIMULATION,
    TIERS_CHANGED,
    WITNESS,
    ServiceName,
    Topic,
    group_of,
    topics,
)
from shared.layout import PREFIX

Resource: TypeAlias = Literal["topic", "group", "transactional-id", "cluster"]
Operation: TypeAlias = Literal[
    "all",
    "read",
    "write",
    "create",
    "delete",
    "alter",
    "describe",
    "cluster-action",
    "describe-configs",
    "alter-configs",
    "idempotent-write",
]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
_IMPLY_DESCRIBE = ("read", "write", "delete", "alter")

OPERATOR = "operator"
SUBSCRIBER = "subscriber"
"""Who follows scores and tiers, where a deployment does not name its subscribers."""
MONITOR = "monitor"
"""Programs that show how far consumer groups are. It sees topics and groups, and no record."""
REDRIVE_ID = f"{PREFIX}redrive"
"""The operator's transactional id: of two redrives at a time, the second shuts out the first."""

_FAMILIES = (RAW_PREFIX, REJECTED_PREFIX, DISPUTES_PREFIX, CROSSWALK_PREFIX)
_PUBLISHED: dict[ServiceName, str] = {
    "retention": RECORDS_CHANGED,
    "scorer": SCORES_CHANGED,
    "benefits": TIERS_CHANGED,
}
"""What each service with state compares with its database, and so reads as well as writes (decision 0014)."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One principal may do one thing with one resource, or with all whose names begin so."""

    principal: str
    resource: Resource
    name: str
    operation: Operation
    is_prefix: bool = False

    def covers(self, resource: Resource, name: str, operation: Operation) -> bool:
        same = name.startswith(self.name) if self.is_prefix else name == self.name
        implied = operation == "describe" and self.operation in _IMPLY_DESCRIBE
        return resource == self.resource and same and (operation == self.operation or implied)


def may(rights: Iterable[Right], principal: str, operation: Operation, resource: Resource, name: str) -> bool:
    return any(right.principal == principal and right.covers(resource, name, operation) for right in rights)


def principal_of(name: str) -> str:
    """Who logs in to Kafka as the service, the operator, the portal or a subscriber of this name."""
    return f"{PREFIX}{name}"


def partner_principal(partner: str) -> str:
    return principal_of(f"partner-{partner}")


def principals(partners: Sequence[str], subscribers: Sequence[str] = (SUBSCRIBER,)) -> tuple[str, ...]:
    """Everybody who logs in to a deployment's Kafka, except for its administrator."""
    named = map(principal_of, (*SERVICES, OPERATOR, PORTAL, MONITOR))
    return (*named, *map(partner_principal, partners), *map(principal_of, subscribers))


def rights(partners: Sequence[str], subscribers: Sequence[str] = (SUBSCRIBER,)) -> tuple[Right, ...]:
    """All rights of a deployment, sorted. Raises ValueError for a name that no topic could carry."""
    table = (*topics(partners), WITNESS, SIMULATION)
    found = {right for topic in table for right in _on(topic, subscribers)}
    for service in SERVICES:
        found.update(_of_service(service))
    found.update(_of_operator())
    found.update(Right(principal_of(MONITOR), "group", group_of(service), "describe") for service in SERVICES)
    found.update(_of_portal())
    for outsider in map(principal_of, subscribers):
        found.add(Right(outsider, "group", f"{outsider}.", "read", is_prefix=True))
    for principal in map(partner_principal, partners):
        found.add(Right(principal, "group", f"{principal}.", "read", is_prefix=True))
        # How far ingest has come with the partner's own topic; Kafka reveals nothing about others' topics here.
        found.add(Right(principal, "group", group_of("ingest"), "describe"))
    return tuple(sorted(found))


def _on(topic: Topic, subscribers: Sequence[str]) -> Iterator[Right]:
    for role in topic.writers:
        for principal in _who(role, subscribers):
            yield _right(principal, topic, "write")
    yield _right(principal_of(MONITOR), topic, "describe")
    for role in (*topic.readers, OPERATOR):
        for principal in _who(role, subscribers):
            yield _right(principal, topic, "read")


def _right(principal: str, topic: Topic, operation: Operation) -> Right:
    """A partner has rights to its own topics. Any other principal with a right to one partner's topic has it for every
    partner's, those of future partners included."""
    family = next((prefix for prefix in _FAMILIES if topic.name.startswith(prefix)), None)
    if family is None or principal == partner_principal(topic.name.removeprefix(family)):
        return Right(principal, "topic", topic.name, operation)
    return Right(principal, "topic", family, operation, is_prefix=True)


def _who(role: str, subscribers: Sequence[str]) -> Sequence[str]:
    """The principals that the table of topics means."""
    if role.startswith("partner "):
        return [partner_principal(role.removeprefix("partner "))]
    if role == "subscribers":
        return [*map(principal_of, subscribers)]
    # A demo is driven by whoever runs it.
    return [principal_of(OPERATOR if role in (REDRIVE, "driver") else role)]


def _of_service(service: ServiceName) -> Iterator[Right]:
    principal = principal_of(service)
    yield Right(principal, "group", group_of(service), "read")
    if service in _PUBLISHED:
        yield Right(principal, "topic", _PUBLISHED[service], "read")
        # One id for each shard.
        yield Right(principal, "transactional-id", f"{PREFIX}{service}-", "write", is_prefix=True)
    else:
        # Without a database, what the operator said lies in a group beside its own.
        yield Right(principal, "group", words_group(service), "describe")


def _of_portal() -> Iterator[Right]:
    """It has its own database like a service with state, and no topic to compare with it: it publishes nothing."""
    principal, group = principal_of(PORTAL), group_of(PORTAL)
    yield Right(principal, "group", group, "read")
    yield Right(principal, "transactional-id", f"{PREFIX}{PORTAL}-", "write", is_prefix=True)
    # Whether ingest has come to an event that a partner asks about.
    yield Right(principal, "group", group_of("ingest"), "describe")
    for watcher in (OPERATOR, MONITOR):
        yield Right(principal_of(watcher), "group", group, "describe")


def _of_operator() -> Iterator[Right]:
    operator = principal_of(OPERATOR)
    yield Right(operator, "transactional-id", REDRIVE_ID, "write")
    for service in SERVICES:
        yield Right(operator, "group", group_of(service), "describe")
        if service not in _PUBLISHED:
            yield Right(operator, "group", words_group(service), "read")


def words_group(service: str) -> str:
    """The group that holds the operator's words to a service without a database."""
    return f"{group_of(service)}.operator"
