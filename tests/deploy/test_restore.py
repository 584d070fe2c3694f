"""A restore by the commands of the guide: all volumes but Kafka's are lost, and nobody can tell afterwards.

The test keeps the certificate and the password that it had before, as everybody outside does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.contracts.topics import SCORES_CHANGED, SERVICES, TIERS_CHANGED
from shared.settings import ROOT
from tests.deploy.compose import Platform, project, until
from tests.deploy.traffic import Person, accepted, messages, query
from tests.support import one_story
from tests.support.guides import follow

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]


def test_the_backup_is_restored(tmp_path: Path, seen: Callable[[str], None]) -> None:
    with project() as compose:
        compose("up", "--build", "--detach", "--wait", *SERVICES)
        rider = Person(Platform(compose, compose.deployment(tmp_path), 0), 5_555_555_555)
        assert accepted(rider.rides(20))
        assert accepted(rider.stayed_away())
        rider.until_counted()
        until(lambda: rider.query("select 1 from retention.record where user_id = $1"), "the record")

        environment = {**compose.environment, "COMPOSE_FILE": str(ROOT / "docker-compose.yml")}
        assert follow("operations.md", "backup", tmp_path, environment)
        assert accepted(rider.rides(5)), "after the backup"
        rider.until_counted()

        compose.down_keeping("kafka")
        began = time.monotonic()
        assert follow("operations.md", "restore", tmp_path, environment)
        rider.until_counted()
        until(lambda: not _disagreements(rider.platform), "the topics tell what Postgres has")
        seen(f"restored from a backup, with the rides since from Kafka: {time.monotonic() - began:.1f} s")
        assert compose.deployment(tmp_path).settings == rider.platform.deployment.settings

        assert accepted(rider.rides_again())
        assert accepted(rider.rides(1))
        rider.until_counted()
        until(lambda: not _disagreements(rider.platform), "the topics tell what Postgres has, and benefits follows")
        assert len(rider.query("select 1 from retention.record where user_id = $1")) == 1
        assert {state for states in compose.states().values() for state in states} == {"healthy", "exited"}


def _disagreements(platform: Platform) -> list[str]:
    """Scores, versions, restrictions and tiers, not counts."""
    scores = [(record.key, record.value) for record in messages(platform, SCORES_CHANGED)]
    tiers = [(record.key, record.value) for record in messages(platform, TIERS_CHANGED)]
    people, standings = query(platform, one_story.PEOPLE), query(platform, one_story.STANDINGS)
    return one_story.disagreements(scores, tiers, people, standings)
