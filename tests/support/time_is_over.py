"""Ends a test whose time is over, whatever swallows the first word of it.

pytest-timeout raises once, where the program happens to be. If that is a task of a library that ends by it in silence,
whoever waits for the task waits for good, and so does the whole run. So the alarm rings again until the test has ended.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from typing import Any

import pytest

AGAIN_S = 10.0


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(settings: Any) -> Generator[None, Any, Any]:
    is_set = yield
    if settings.method == "signal":
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN_S)
    return is_set


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """What the test leaves behind is put away in peace."""
    if call.excinfo and call.excinfo.errisinstance(pytest.fail.Exception):
        signal.setitimer(signal.ITIMER_REAL, 0)
