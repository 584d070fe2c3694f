"""What is told to whoever runs the services elsewhere, where a command can start none itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest

from goodstanding.errors import UserError
from goodstanding.loading.services import Elsewhere, Here, check_clock, services_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings, read_settings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.stack import Stack

WINDOW = "bank:2026-01:2026-03"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose's own commands are told how they are called."""
    monkeypatch.setenv("GOODSTANDING_COMMAND", "docker compose run --rm loading")


@pytest.fixture
def elsewhere(told: list[str], compose: None) -> Elsewhere:
    return Elsewhere(told.append)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    settings = FixedSettings.new(clock="loading")
    return Deployment.create(tmp_path / "services", Addresses(kafka="kafka:9092", postgres="postgres:5432"), settings)


@pytest.mark.parametrize(
    ("said", "silent"), [(None, False), ("", False), ("false", False), ("true", True), ("1", True)]
)
def test_the_scorer_is_as_silent_as_the_same_file_says(
    elsewhere: Elsewhere,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    said: str | None,
    silent: bool,
) -> None:
    monkeypatch.delenv("GOODSTANDING_SILENT", raising=False)
    if said is not None:
        monkeypatch.setenv("GOODSTANDING_SILENT", said)
    assert elsewhere.are_silent(deployment) is silent


def test_who_started_the_scorer_has_it_publish(elsewhere: Elsewhere, deployment: Deployment) -> None:
    with pytest.raises(UserError) as error:
        elsewhere.publish(deployment)
    assert "take GOODSTANDING_SILENT out of .env" in str(error.value)
    assert "repeat the command" in str(error.value)


def test_whoever_has_no_compose_is_told_of_no_file_of_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    for variable in ("GOODSTANDING_COMMAND", "GOODSTANDING_BACKFILL"):
        monkeypatch.delenv(variable, raising=False)
    elsewhere = Elsewhere(told.append)
    elsewhere.backfill(deployment, None)
    for wanted in (partial(elsewhere.publish, deployment), partial(elsewhere.backfill, deployment, WINDOW)):
        with pytest.raises(UserError) as error:
            wanted()
        told.append(str(error.value))
    told += [elsewhere.when_live, elsewhere.another]
    assert not [each for each in told if ".env" in each or "docker" in each]
    assert "out of the services' settings and this command's, then start them again" in elsewhere.when_live
    assert "helm upgrade" in elsewhere.when_live


@pytest.mark.parametrize("said", [None, "bank:2026-01:2026-04", "city:2026-01:2026-03"])
def test_no_event_is_sent_to_months_that_the_scorer_was_not_told_of(
    elsewhere: Elsewhere, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    monkeypatch.delenv("GOODSTANDING_BACKFILL", raising=False)
    if said is not None:
        monkeypatch.setenv("GOODSTANDING_BACKFILL", said)
    with pytest.raises(UserError, match=f"Write GOODSTANDING_BACKFILL={WINDOW} into .env"):
        elsewhere.backfill(deployment, WINDOW)
    assert read_settings(deployment.directory) == deployment.settings


def test_a_window_is_written_down_while_it_is_open(
    elsewhere: Elsewhere, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    monkeypatch.setenv("GOODSTANDING_BACKFILL", WINDOW)
    opened = elsewhere.backfill(deployment, WINDOW)
    assert read_settings(deployment.directory) == msgspec.structs.replace(deployment.settings, backfill=WINDOW)
    assert told == []
    assert elsewhere.backfill(opened, None).settings == deployment.settings
    assert read_settings(deployment.directory) == deployment.settings
    assert "until you take GOODSTANDING_BACKFILL out of .env" in told[0]


def test_services_that_this_directory_has_never_started_run_elsewhere(
    tmp_path: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOODSTANDING_KAFKA", raising=False)
    monkeypatch.delenv("GOODSTANDING_POSTGRES", raising=False)
    assert isinstance(services_of(Stack(tmp_path), print), Here), "the servers are here"
    monkeypatch.setenv("GOODSTANDING_KAFKA", "kafka:9092")
    monkeypatch.setenv("GOODSTANDING_POSTGRES", "postgres://postgres:5432/goodstanding")
    assert isinstance(services_of(Stack(tmp_path), print), Elsewhere)
    (deployment.directory / "scorer.process.json").write_text("{}")
    assert isinstance(services_of(Stack(tmp_path), print), Here), "`local up` on servers of somebody else's"


@pytest.mark.parametrize(
    ("clock", "said", "sentence"),
    [
        ("loading", "loading", ""),
        ("system", "", ""),
        ("system", "system", ""),
        ("stepped", None, ""),
        ("loading", None, ""),
        ("loading", "", "Until `goodstanding go-live` has closed it, say GOODSTANDING_CLOCK=loading in .env"),
        ("loading", "system", "is loading its past"),
        (
            "system",
            "loading",
            "is closed: it was not set up for loading, or has gone live. Take",
        ),
    ],
)
def test_no_service_is_started_with_another_clock(
    monkeypatch: pytest.MonkeyPatch, compose: None, clock: str, said: str | None, sentence: str
) -> None:
    """An empty variable is what compose makes of one that nobody has set; without one nobody is told anything."""
    monkeypatch.delenv("GOODSTANDING_CLOCK", raising=False)
    settings = FixedSettings.new(clock=clock)
    if said is not None:
        monkeypatch.setenv("GOODSTANDING_CLOCK", said)
    if not sentence:
        check_clock(settings)
        return
    with pytest.raises(UserError) as found:
        check_clock(settings)
    assert sentence in " ".join(str(found.value).split())
