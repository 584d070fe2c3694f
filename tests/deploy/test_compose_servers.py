"""Kafka and Postgres of the compose file, and those of the fixtures' containers, under the tests that everybody runs.

The tests run as anybody runs them, in a pytest of their own: what is looked at is the way in, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.kafka.connection import connection_of
from shared.settings import ROOT
from tests.deploy.compose import Compose, project

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1_800)]

_END_TO_END = ("tests/e2e/test_demo.py", "tests/e2e/test_story.py")
_REPRESENTATIVE = ("tests/integration/test_runner.py", "tests/integration/test_compaction.py")


def _tested(*arguments: str, **variables: str) -> str:
    """The last line of a run of pytest in which everything passed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
    argv = [sys.executable, "-m", "pytest", "-q", "-m", "not campaign", *arguments]
    done = subprocess.run(argv, cwd=ROOT, env={**environment, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert "skipped" not in done.stdout
    return done.stdout.splitlines()[-1]


def test_the_end_to_end_tests_pass_on_the_servers_of_the_compose_file(
    tmp_path: Path, seen: Callable[[str], None]
) -> None:
    with project() as compose:
        took_s = compose.up("kafka", "postgres")
        compose("run", "--rm", "rights")
        servers = compose.deployment(tmp_path).addresses
        kafka = connection_of(servers.login).environment()
        last = _tested(*_END_TO_END, GOODSTANDING_POSTGRES=servers.postgres, **kafka)
        seen(f"end to end on compose's servers (up in {took_s:.0f} s): {last}")


def test_the_fixtures_own_containers(seen: Callable[[str], None]) -> None:
    compose, began = Compose(), time.monotonic()
    before = set(compose.docker("ps", "--all", "--quiet").split())
    seen(f"with --servers=containers: {_tested('--servers=containers', *_REPRESENTATIVE)}")
    assert set(compose.docker("ps", "--all", "--quiet").split()) <= before, f"left for {time.monotonic() - began:.0f} s"
