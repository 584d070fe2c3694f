"""Readiness tells of file descriptors while there is one left to tell it over."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from shared.runner.observe import descriptors


@pytest.fixture
def limit() -> Iterator[int]:
    """A limit that leaves the test some to open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(200, 2 * len(os.listdir("/dev/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def opened(count: int) -> list[int]:
    return [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]


def test_a_few_are_no_trouble(limit: int) -> None:
    assert descriptors() == []


@pytest.mark.parametrize("left", [5, 0])
def test_few_left_are_told_of(limit: int, left: int) -> None:
    held = opened(limit - left - len(os.listdir("/dev/fd")) + 1)
    try:
        [sentence] = descriptors()
        assert f"of {limit} file descriptors are in use" in sentence
    finally:
        for each in held:
            os.close(each)
