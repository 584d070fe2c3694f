"""What a campaign consists of: how large it is, which faults come how often, and in which order they come."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from goodstanding.platform.servers.server import Name
from shared.contracts.topics import ServiceName
from tests.faults.events import Stretch

LASTS_S_MAX = 1.5
Act = (
    tuple[Literal["kill", "stop", "join", "leave"], ServiceName]
    | tuple[Literal["kill"], Name]
    | tuple[Literal["send"], Literal["hostile records", "a hot person"]]
    | tuple[Literal["delete"], Literal["a topic of refusals"]]
    | tuple[Literal["restore"], Name]
)
"""A fault and whom it hits, a process of a service or a server. To `stop` is to make a zombie: it stands still, others
take over, and it wakes up. To `restore` a server is to put an older copy of its data back, and to give the operator's
word. What is sent, and whose topic is deleted, is another partner's, see `hostile`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the schedule, `delay_s` after its share of the events began to flow; it lasts `for_s`."""

    act: Act
    delay_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a campaign is. `counts` holds how often each fault comes; each gets its share of the events."""

    people: int
    messages: int
    counts: Mapping[Act, int]
    share_s: float
    """Each share of the events is spread over this number of seconds."""
    asking_kills: int
    """Kills in each stretch while people ask, of services by chance."""
    timer_kills: int
    """Kills of scorer processes in each monthly run, and of retention's wherever deadlines have come."""
    hot_events: int
    """The number of events about one person that are sent at once."""
    erasures: bool
    """Whether people ask to be erased."""
    brokers: int = 1
    """With several, each topic has a copy on each."""


FULL = Plan(
    people=2_000,
    messages=20_000,
    counts={
        ("kill", "ingest"): 8,
        ("kill", "retention"): 4,
        ("kill", "scorer"): 12,
        ("kill", "benefits"): 4,
        ("stop", "ingest"): 1,
        ("stop", "retention"): 1,
        ("stop", "scorer"): 2,
        ("stop", "benefits"): 1,
        ("kill", "kafka"): 2,
        ("kill", "postgres"): 2,
        ("join", "scorer"): 1,
        ("leave", "scorer"): 1,
        ("send", "hostile records"): 3,
        ("send", "a hot person"): 2,
        ("delete", "a topic of refusals"): 1,
        ("restore", "kafka"): 1,
        ("restore", "postgres"): 1,
    },
    share_s=8.0,
    asking_kills=3,
    timer_kills=2,
    hot_events=20_000,
    erasures=True,
)
SHORT = Plan(
    people=150,
    messages=1_500,
    counts={
        ("kill", "ingest"): 1,
        ("kill", "retention"): 1,
        ("kill", "scorer"): 2,
        ("kill", "benefits"): 1,
        ("stop", "scorer"): 1,
        ("kill", "kafka"): 1,
        ("kill", "postgres"): 1,
        ("send", "hostile records"): 1,
        ("send", "a hot person"): 1,
        ("delete", "a topic of refusals"): 1,
        ("restore", "kafka"): 1,
        ("restore", "postgres"): 1,
    },
    share_s=1.5,
    asking_kills=1,
    timer_kills=1,
    hot_events=3_000,
    # Whoever comes back after an erasure, and a server from an older copy: the long campaign has both.
    erasures=False,
)

BROKERS_ONE_AFTER_ANOTHER = Plan(
    people=200,
    messages=3_000,
    counts={("kill", "kafka"): 7, ("kill", "kafka-2"): 7, ("kill", "kafka-3"): 6},
    share_s=2.0,
    asking_kills=0,
    timer_kills=0,
    hot_events=0,
    erasures=False,
    brokers=3,
)


def schedule(rng: random.Random, counts: Mapping[Act, int]) -> list[Fault]:
    """The faults in random order."""
    acts = [act for act, count in counts.items() for _ in range(count)]
    rng.shuffle(acts)
    return [Fault(act, rng.uniform(0.1, 1.0), rng.uniform(0.0, LASTS_S_MAX)) for act in acts]


def shared_out(faults: Sequence[Fault], stretches: Sequence[Stretch]) -> list[Sequence[Fault]]:
    """To each stretch its part of the faults, by its part of the messages."""
    total, done, parts, begin = sum(len(s.messages) for s in stretches), 0, [], 0
    for stretch in stretches:
        done += len(stretch.messages)
        end = round(len(faults) * done / total)
        parts.append(faults[begin:end])
        begin = end
    return parts


def words(act: Act | str) -> str:
    return act if isinstance(act, str) else " ".join(act)
