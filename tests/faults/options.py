"""`--seed`: the campaign of a seed, again."""

from __future__ import annotations

import pytest

DEFAULT = 20261


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed", type=int, default=DEFAULT, help=f"input and schedule of the fault campaigns (default: {DEFAULT})"
    )


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))
