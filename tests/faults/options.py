"""`--seed`: the campaign of a seed, again. `--expiries`: how many records the long test of deadlines has. `--loaded`:
how many events of a past are loaded. `--repeats`: how often one report is sent again."""

from __future__ import annotations

import pytest

DEFAULT = 20261
EXPIRIES_DEFAULT = 200_000
LOADED_DEFAULT = 100_000
REPEATS_DEFAULT = 1_000_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed", type=int, default=DEFAULT, help=f"input and schedule of the fault campaigns (default: {DEFAULT})"
    )
    parser.addoption(
        "--expiries",
        type=int,
        default=EXPIRIES_DEFAULT,
        help=f"records of the long test of deadlines, such as 1000000 (default: {EXPIRIES_DEFAULT})",
    )
    parser.addoption(
        "--loaded",
        type=int,
        default=LOADED_DEFAULT,
        help=f"events of a past that is loaded under kills, such as 1000000 (default: {LOADED_DEFAULT})",
    )
    parser.addoption(
        "--repeats",
        type=int,
        default=REPEATS_DEFAULT,
        help=f"how often a provider sends the same report (default: {REPEATS_DEFAULT})",
    )


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))


@pytest.fixture
def expiries(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--expiries"))


@pytest.fixture
def loaded(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--loaded"))


@pytest.fixture
def repeats(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--repeats"))
