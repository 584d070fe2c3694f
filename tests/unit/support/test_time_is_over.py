"""That no test waits for good, on a test that does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.settings import ROOT

_CONFTEST = """
from tests.support import time_is_over
from tests.support.time_is_over import pytest_runtest_makereport, pytest_timeout_set_timer

time_is_over.AGAIN_S = 2.0
"""
_WAITS = """
import asyncio
import time
import pytest

async def swallow():
    try:
        time.sleep(60)
    except BaseException:
        pass

@pytest.mark.timeout(1)
def test_waits():
    async def wait():
        task = asyncio.create_task(swallow())
        await asyncio.Event().wait()
    asyncio.run(wait())
"""


def test_a_test_ends_though_a_task_swallows_that_its_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_waits.py").write_text(_WAITS)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-c",
        str(tmp_path / "pytest.ini"),
        str(tmp_path),
    ]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "1 failed" in ended.stdout
    assert "Timeout" in ended.stdout
