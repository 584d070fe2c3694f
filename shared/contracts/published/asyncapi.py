"""The AsyncAPI 3 document of the whole platform, `docs/asyncapi.json`: made from the topic table, schemas and examples.

What it says of a topic is said from the services' side: an operation is one service sending or receiving.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from shared.contracts.dead_letters import REDRIVEN, SET_ASIDE
from shared.contracts.erasure import ERASED
from shared.contracts.explained import RecordsHeld, ScoreExplained
from shared.contracts.messages import (
    TYPES,
    BehaviorEvent,
    DisputeQuestion,
    RecordChange,
    RecordReport,
    RecordSettled,
    Refusal,
    ScoreChange,
    TierChange,
)
from shared.contracts.published.asyncapi_messages import (
    MAPPED,
    NATIVE_BEHAVIOR,
    NATIVE_RECORD,
    Object,
    body_schemas,
    messages,
    ref,
)
from shared.contracts.published.schemas import Problem
from shared.contracts.subject import (
    ConsentNoted,
    ErasureConfirmed,
    ErasureReceipt,
    SubjectAnswer,
    SubjectNotice,
    SubjectRequest,
)
from shared.contracts.topics import (
    DISPUTES_PREFIX,
    NORMALIZED,
    PROCESSES,
    RAW_PREFIX,
    RECORDS_CHANGED,
    RECORDS_HELD,
    RECORDS_REPORTED,
    REJECTED_PREFIX,
    SCORES_CHANGED,
    SCORES_EXPLAINED,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    TIERS_CHANGED,
    Topic,
    dead_letter_topic,
    topics,
)

FILE = Path(__file__).parents[3] / "docs" / "asyncapi.json"
_PARTNER = "partner"
"""The name whose topics stand for those of every partner."""

CARRIES: dict[str, tuple[str, ...]] = {
    RAW_PREFIX + _PARTNER: (NATIVE_BEHAVIOR, NATIVE_RECORD, MAPPED),
    REJECTED_PREFIX + _PARTNER: (TYPES[Refusal],),
    NORMALIZED: (TYPES[BehaviorEvent],),
    RECORDS_REPORTED: (TYPES[RecordReport],),
    RECORDS_CHANGED: (TYPES[RecordChange], ERASED),
    DISPUTES_PREFIX + _PARTNER: (TYPES[DisputeQuestion], TYPES[RecordSettled]),
    SCORES_CHANGED: (TYPES[ScoreChange], ERASED),
    TIERS_CHANGED: (TYPES[TierChange], ERASED),
    SCORES_EXPLAINED: (TYPES[ScoreExplained], ERASED),
    RECORDS_HELD: (TYPES[RecordsHeld], ERASED),
    SUBJECT_REQUESTS: (TYPES[SubjectRequest],),
    SUBJECT_ANSWERS: (
        TYPES[SubjectAnswer],
        TYPES[SubjectNotice],
        TYPES[ConsentNoted],
        TYPES[ErasureConfirmed],
        TYPES[ErasureReceipt],
    ),
    **{dead_letter_topic(service): (SET_ASIDE, REDRIVEN) for service in PROCESSES},
}
"""The messages of each topic, by name. A topic that is not named here exists, and nothing is written to it yet."""


def document() -> Object:
    """The document. Raises ValueError for a message that no topic carries."""
    by_name = dict(messages())
    if lost := by_name.keys() ^ {name for names in CARRIES.values() for name in names}:
        raise ValueError(f"Messages and CARRIES differ in {sorted(lost)}.")
    table = topics([_PARTNER])
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Goodstanding",
            "version": "1.0.0",
            "description": (
                "An open credit-standing platform: behavior events in, explained scores, lapsing negative records, "
                "tiers and benefits out. Messages are CloudEvents 1.0; `v1` of a type only ever gains optional fields. "
                "docs/partners.md and docs/subscribers.md are the guides."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel_name(topic): _channel(topic) for topic in table},
        "operations": {name: operation for topic in table for name, operation in _operations(topic)},
        "components": {"schemas": body_schemas(), "messages": by_name},
    }


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def write(file: Path = FILE) -> None:
    file.write_text(text(), encoding="utf-8")


def check(file: Path = FILE) -> list[Problem]:
    """Whether the committed document is that of the code."""
    if file.exists() and file.read_text(encoding="utf-8") == text():
        return []
    return [Problem(file.name, "the committed document is not the code's: run `make contracts`")]


# -- channels and operations -----------------------------------------------------------------------------------------


def _channel_name(topic: Topic) -> str:
    return topic.name.removesuffix(f".{_PARTNER}")


def _is_partners(topic: Topic) -> bool:
    return topic.name.endswith(f".{_PARTNER}")


def _channel(topic: Topic) -> Object:
    names = CARRIES.get(topic.name, ())
    return {
        "address": topic.name.replace(f".{_PARTNER}", ".{partner}"),
        "description": _description(topic),
        "messages": {name: ref("messages", name) for name in names},
        **({"parameters": {"partner": _PARAMETER}} if _is_partners(topic) else {}),
        "bindings": {"kafka": _topic_binding(topic)},
    }


_PARAMETER = {"description": "The partner, named as its mapping file: partners/<partner>.toml."}


def _description(topic: Topic) -> str:
    kept = f"{topic.retention.days} days" if topic.retention else "the last message of each key, for good"
    return "\n".join(
        [
            f"Key: {topic.key}. Written by {_people(topic.writers)}, read by {_people(topic.readers)}. Kept: {kept}.",
            *([] if topic.name in CARRIES else ["Reserved: nothing is written to it yet."]),
        ]
    )


def _people(names: tuple[str, ...]) -> str:
    partner = "that partner only" if len(names) == 1 else "that partner"
    return ", ".join(partner if name == f"partner {_PARTNER}" else name for name in names)


def _topic_binding(topic: Topic) -> Object:
    settings = topic.settings(replication_factor=1)
    configuration: Object = {"cleanup.policy": [topic.cleanup], "max.message.bytes": topic.message_bytes_max}
    if topic.retention:
        configuration["retention.ms"] = int(settings["retention.ms"])
    else:
        configuration["delete.retention.ms"] = int(settings["delete.retention.ms"])
    return {"partitions": topic.partitions, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}


def _operations(topic: Topic) -> Iterator[tuple[str, Object]]:
    channel = _channel_name(topic)
    for action, services in (("send", topic.writers), ("receive", topic.readers)):
        for service in services:
            if service in PROCESSES:
                yield (
                    f"{service}.{action}.{channel}",
                    {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "tags": [{"name": service}]},
                )
