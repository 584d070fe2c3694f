"""Every alert fires on its fault, on a real platform that a real Prometheus looks at, and ends with the fault.

Then every panel of the dashboards has something to show. `make test-alerts` runs it; it needs Debian's packages
prometheus, prometheus-postgres-exporter and libfaketime, and no containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.alerts import faults, prometheus, runtime_faults
from tests.alerts import platform as platforms
from tests.alerts.platform import PATIENCE_S, PEOPLE, Platform
from tests.deploy.compose import until
from tests.deploy.queries import alerts, shown

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

Fault = Callable[[Platform], AbstractContextManager[None]]
FAULTS: Sequence[tuple[Fault, Sequence[str]]] = [
    (faults.no_process, ["ServiceDown"]),
    (runtime_faults.no_postgres, ["PostgresDown", "ServiceNotReady", "RetriesSteady"]),
    (faults.wrong_clock, ["ClockWrong"]),
    (faults.locked_people, ["Lagging"]),
    (faults.nobody_takes_scores, ["OutboxNotDrained"]),
    (faults.unknown_partner, ["DeadLetters"]),
    (faults.deleted_records, ["RecordsLost"]),
    (faults.changed_format, ["RefusalsJump"]),
    (faults.fault_of_ours, ["EventsUnprocessable"]),
    (faults.stuck_publication, ["PublicationStuck", "PublicationSlow"]),
    (faults.edited_mapping, ["FileNotUsed"]),
    (faults.unconfirmed_erasure, ["ErasureOverdue"]),
    (faults.deaf_subscriber, ["WebhooksGivenUp"]),
    (faults.late_deadlines, ["DeadlinesLate"]),
    (faults.late_question, ["AskedLate"]),
    (runtime_faults.held_memory, ["MemoryHigh"]),
    (runtime_faults.few_descriptors, ["DescriptorsLow"]),
    (runtime_faults.restarts, ["ProcessesRestart"]),
    (runtime_faults.another_release, ["ReleasesDiffer"]),
    (faults.another_policy, ["PoliciesDiffer"]),
    (runtime_faults.no_exporter, ["ExporterDown"]),
    (runtime_faults.many_connections, ["PostgresConnectionsHigh"]),
    (runtime_faults.long_transaction, ["PostgresTransactionLong"]),
    (runtime_faults.broker_away, ["KafkaUnderReplicated"]),
    (faults.many_fall, ["ScoresShifted"]),
    (faults.deleted_people, ["PeopleMissing"]),
    (faults.unknown_records, ["SettlementsUnmatched"]),
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    directory = tmp_path_factory.mktemp("platform")
    with platforms.running(directory, brokers=3) as running:
        running.start_all()
        with prometheus.running(directory / "prometheus", running.targets) as running.prometheus:
            running.rides(range(PEOPLE))
            until(lambda: running.known() == PEOPLE, "everybody has a tier", PATIENCE_S)
            yield running


def test_every_alert_has_its_fault() -> None:
    assert sorted(alerts()) == sorted(name for _, names in FAULTS for name in names)


@pytest.mark.parametrize(("fault", "names"), [pytest.param(*each, id=each[0].__name__) for each in FAULTS])
def test_an_alert_fires_on_its_fault_and_ends_with_it(platform: Platform, fault: Fault, names: Sequence[str]) -> None:
    platform.until_quiet(*names)
    with fault(platform):
        silent = platform.silent(*names)
    assert not silent  # when the fault is mended, for the sake of those that follow
    platform.until_quiet(*names)


@pytest.fixture(scope="module")
def lived(platform: Platform) -> Platform:
    """Everything has happened that a panel shows, whichever faults there were before."""
    platform.rides([0], what_is_this=1)
    platform.rides([0], kind="hotel.stay")  # nobody has agreed that this partner may send it
    platform.record(500, status="reported", began_on=datetime.now(UTC).date().isoformat())
    with runtime_faults.no_postgres(platform):
        until(lambda: platform.prometheus.query("goodstanding_retries_total"), "something is tried again")
    with faults.stuck_publication(platform):
        pass  # it is published as soon as the scorer can write
    return platform


@pytest.mark.parametrize("expression", [query for _, query in shown()], ids=[name for name, _ in shown()])
def test_every_panel_and_every_recorded_rule_shows_something(lived: Platform, expression: str) -> None:
    """While a partner sends, because some shares are of what was sent just now."""

    def results() -> list[Any]:
        lived.rides([0])
        return lived.prometheus.query(expression)

    until(results, f"a result of {expression}")
