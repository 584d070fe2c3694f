"""Which messages of a service's own topic it has certainly not written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.contracts.partition import PARTITIONS, partition_of
from shared.runner.one_story.claim_check import is_foreign

KEY = "ab" * 32
SHARD = partition_of(KEY)
OURS = {"ce_id": f"benefits/{KEY}/7".encode(), "ce_source": b"/benefits", "ce_type": b"x"}


def record(key: bytes | None = KEY.encode(), **changes: bytes | None) -> Any:
    headers = {name: value for name, value in {**OURS, **changes}.items() if value is not None}
    return cast(Any, SimpleNamespace(key=key, headers=tuple(headers.items())))


def test_our_own() -> None:
    assert not is_foreign("benefits", SHARD, record())


@pytest.mark.parametrize(
    "strange",
    [
        record(ce_id=b"7"),
        record(ce_id=None),
        record(ce_id=f"scorer/{KEY}/7".encode()),
        record(ce_id=f"benefits/{KEY}/seven".encode()),
        record(ce_id=f"benefits/{KEY}/7/8".encode()),
        record(ce_source=b"/scorer"),
        record(ce_source=None),
    ],
    ids=["id", "no id", "another's id", "no version", "a longer id", "source", "no source"],
)
def test_a_strangers(strange: Any) -> None:
    assert is_foreign("benefits", SHARD, strange)


@pytest.mark.parametrize("key", [KEY.encode(), b"\xff", None], ids=["a person", "no text", "none"])
def test_one_in_another_partition_than_its_keys(key: bytes | None) -> None:
    strange = record(key=key)
    assert sum(is_foreign("benefits", shard, strange) for shard in range(PARTITIONS)) == PARTITIONS - 1
