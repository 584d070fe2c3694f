"""A rental firm's door, in Python with the client and in Java from the AsyncAPI document alone, on real topics: both
give everybody the same answer, and the right one."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from shared.contracts.cloudevents import binary
from shared.contracts.messages import TYPES, TierChange, encode
from shared.contracts.partition import partition_of
from shared.contracts.topics import TIERS_CHANGED
from shared.kafka.sender import send_transaction, started
from shared.kafka.topic_admin import ensure_topics
from shared.runner.service import Outgoing
from shared.settings import ROOT
from tests.support import java

CAR = "car-rental-no-deposit"
NOW = datetime(2026, 1, 5, 16, tzinfo=UTC)
JAVA = ROOT / "clients" / "java" / "Door.java"
PYTHON = ROOT / "clients" / "python" / "examples" / "door.py"
PATIENCE_S = 120.0


def change(version: int, *in_force: str, days: int = 0, falls: bool = False) -> TierChange:
    return TierChange(
        version=version,
        tier="good",
        granted=(),
        revoked=(),
        in_force=in_force,
        restrictions=(),
        score_version=version,
        as_of=NOW + timedelta(days=days),
        policy="start@0123456789ab",
        falls_at=NOW + timedelta(days=45) if falls else None,
        falls_to="fair" if falls else None,
        ending=in_force if falls else None,
    )


STORIES: dict[str, tuple[Sequence[TierChange | None], str]] = {
    "has it": ([change(1, "bike", CAR)], "no deposit"),
    "has others": ([change(1, "bike")], "deposit"),
    "had it": ([change(1, CAR), change(2)], "deposit"),
    "keeps it for a while": ([change(1, CAR), change(2, CAR, falls=True)], "no deposit until 2026-02-19"),
    "was told twice": ([change(1), change(2, CAR), change(1)], "no deposit"),
    "was erased": ([change(1, CAR), None], "deposit"),
    "was erased and is back": ([change(5, CAR), None, change(1)], "deposit"),
    "is back, and the erasure is compacted away": ([change(5, CAR), change(1, days=9)], "deposit"),
    "nobody knows": ([], "deposit"),
}


def message(person: str, body: TierChange | None) -> Outgoing:
    headers = binary(
        id=f"benefits/{person}/1", source="/benefits", type=TYPES[TierChange], time=NOW, partitionkey=person
    )
    value = None if body is None else encode(body)
    return Outgoing(TIERS_CHANGED, person.encode(), value, headers, partition_of(person))


async def test_both_doors_give_the_right_answers(kafka_bootstrap: str, tmp_path: Path) -> None:
    await ensure_topics(kafka_bootstrap, [])
    people = {story: sha256(f"{uuid.uuid4()} {story}".encode()).hexdigest() for story in STORIES}
    async with started(kafka_bootstrap, f"doors-{uuid.uuid4().hex[:8]}") as producer:
        told = [message(people[story], body) for story, (bodies, _) in STORIES.items() for body in bodies]
        await send_transaction(producer, told)
    doors = [[sys.executable, str(PYTHON)], await asyncio.to_thread(java.compiled, JAVA, tmp_path)]
    answers = await asyncio.gather(*(asked([*door, kafka_bootstrap], list(people.values())) for door in doors))
    expected = [answer for _, answer in STORIES.values()]
    for found in answers:
        # Each writes an instant in its own way, and both begin with the day.
        assert [line.removesuffix(line.partition("2026-02-19")[2]) for line in found] == expected


async def asked(argv: list[str], people: list[str]) -> list[str]:
    process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate("\n".join([*people, ""]).encode()), PATIENCE_S)
    assert process.returncode == 0
    return output.decode().splitlines()


def test_the_java_door_says_only_what_the_document_has() -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    text = json.dumps(document)
    source = JAVA.read_text(encoding="utf-8")
    named = {*re.findall(r'(?:path|get)\("([a-z_]+)"\)', source), "ce_type", "tiers.changed"}
    assert named >= {"version", "in_force", "ending", "falls_at", "as_of"}
    assert [name for name in named if f'"{name}"' not in text] == []
    assert "goodstanding.tier.changed.v1" in text
