"""The platform in containers, once for all tests that look at it; what they have measured is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.deploy import compose
from tests.deploy.compose import Platform

_SEEN = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with compose.platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="session")
def seen(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Times and sizes, for whoever ran the tests."""
    return pytestconfig.stash.setdefault(_SEEN, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_SEEN, []):
        terminalreporter.section("seen on compose")
        for line in lines:
            terminalreporter.write_line(line)
        if missing := compose.left_out():
            terminalreporter.write_line(f"left out, as GOODSTANDING_COMPOSE_WITHOUT says: {', '.join(sorted(missing))}")
