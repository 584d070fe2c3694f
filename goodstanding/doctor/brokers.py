"""What the platform needs of the brokers' own settings, and what whoever runs the brokers may decide.

What a topic has a setting of its own for (shared/contracts/topics.py) is not among them: the topic's one stands above.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from goodstanding.doctor.findings import Finding, look, ok, wrong
from shared.kafka.sender import TRANSACTION_TIMEOUT_S
from shared.settings import ServiceSettings

_ABOUT = "brokers"
_WHERE = "docs/security.md, On a Kafka that somebody else runs"


@dataclass(frozen=True, slots=True)
class Need:
    """One setting of every broker. `otherwise` says what happens where it does not hold."""

    setting: str
    bound: Literal["", "at least ", "at most "]
    value: str
    otherwise: str
    must_hold: bool = True
    """False where whoever runs the brokers may decide, which is said and is no fault."""

    @property
    def expected(self) -> str:
        return f"{self.bound}{self.value}"

    def holds(self, found: str) -> bool:
        match self.bound:
            case "at least ":
                return int(found) >= int(self.value)
            case "at most ":
                return int(found) <= int(self.value)
        return found == self.value


def needs(replication_factor: int) -> tuple[Need, ...]:
    """All of them, for a deployment with so many copies of each record."""
    session = str(ServiceSettings.model_fields["session_timeout_ms"].default)
    copies = str(replication_factor)
    return (
        Need("unclean.leader.election.enable", "", "false", "acknowledged messages may be lost with a broker"),
        Need("log.cleaner.enable", "", "true", "what was erased stays on the brokers' disks"),
        Need("transaction.max.timeout.ms", "at least ", f"{TRANSACTION_TIMEOUT_S * 1000:.0f}", "no service can send"),
        Need("group.min.session.timeout.ms", "at most ", session, "no service is given a partition"),
        Need("group.max.session.timeout.ms", "at least ", session, "no service is given a partition"),
        Need("offsets.topic.replication.factor", "at least ", copies, "ingest stands still while one broker is away"),
        Need("transaction.state.log.replication.factor", "at least ", copies, "nobody can send while a broker is away"),
        Need(
            "transaction.state.log.min.isr",
            "at least ",
            "2" if replication_factor >= 3 else "1",
            "the end of a transaction may be lost with a broker",
        ),
        Need("auto.create.topics.enable", "", "false", "a misspelt name makes a topic", must_hold=False),
    )


async def ask(admin: AIOKafkaAdminClient, brokers: Iterable[int]) -> dict[int, dict[str, str]]:
    """What each broker says of these settings. What it refuses to tell, or does not know, is missing."""
    names: dict[str, None] = dict.fromkeys(each.setting for each in needs(1))
    asked = [ConfigResource(ConfigResourceType.BROKER, str(broker), configs=names) for broker in brokers]
    told: dict[int, dict[str, str]] = {}
    for response in await admin.describe_configs(asked):
        for code, _message, _type, broker, entries in response.resources:
            told[int(broker)] = {} if code else {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return told


def of_brokers(told: Mapping[int, Mapping[str, str]], wanted: Sequence[Need]) -> Iterator[Finding]:
    """`told` has the settings of each broker, by its number."""
    unknown: list[str] = []
    fine = True
    for need in wanted:
        differing: dict[str, list[str]] = {}
        for broker, settings in sorted(told.items()):
            found = settings.get(need.setting)
            if found is not None and not need.holds(found):
                differing.setdefault(found, []).append(str(broker))
        for found, brokers in differing.items():
            fine = False
            yield _differs(need, found, brokers)
        if need.must_hold and any(need.setting not in settings for settings in told.values()):
            unknown.append(need.setting)
    if unknown:
        yield look(
            _ABOUT,
            f"Not told by every broker: {', '.join(unknown)}.",
            f"Ask whoever runs them ({_WHERE}).",
        )
    elif fine:
        known = sum(all(need.setting in settings for settings in told.values()) for need in wanted)
        yield ok(_ABOUT, f"All {known} settings that they tell and the platform needs are as they should be.")


def _differs(need: Need, found: str, brokers: Iterable[str]) -> Finding:
    sentence = f"{need.setting} is {found}, not {need.expected} (broker {', '.join(brokers)})."
    if need.must_hold:
        return wrong(_ABOUT, sentence, f"Set it, or {need.otherwise} ({_WHERE}).")
    return look(_ABOUT, f"{sentence} Whoever runs them may decide that.", f"Set it, or {need.otherwise}.")
