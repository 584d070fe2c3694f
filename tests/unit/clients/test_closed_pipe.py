"""What is raised while a change is shown is the caller's to know: it is not Kafka's, which is tried again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from goodstanding_client import Change, Erased, Follower, __main__
from goodstanding_client.changes import TIERS
from goodstanding_client.store import Place

ERASED = Erased("a1" * 32, TIERS)


class _Fed(Follower):
    """To whom a change comes at each step, without Kafka."""

    async def _begin(self, place: Place, *, is_wrong: bool) -> None:
        pass

    async def _step(self, place: Place) -> Sequence[Change]:
        await asyncio.sleep(0)  # a turn of the loop, as reading takes
        return [ERASED]


async def test_an_error_of_whoever_is_told_ends_the_following() -> None:
    told: list[Change] = []

    async def changed(change: Change) -> None:
        told.append(change)
        if len(told) == 3:
            raise BrokenPipeError

    follower = _Fed("localhost:1", on_change=changed)
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(follower._follow(Place(TIERS, 0)), 5)
    assert len(told) == 3
    await follower._consumer.stop()


def test_following_ends_when_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `goodstanding-follow | head` does."""
    reads, writes = os.pipe()
    os.close(reads)

    async def follow(*_: Any, **__: Any) -> None:
        __main__._show((TIERS, "a1" * 32, None))

    with open(writes, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr(__main__, "follow", follow)
        patched.setattr(sys, "stdout", pipe)
        patched.setattr(sys, "argv", ["goodstanding-follow", "localhost:1"])
        __main__.main()
        pipe.flush()
