"""No secret and nothing of a person in an image, an environment, a log or a metric: canaries are searched for."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from shared.contracts.topics import SERVICES, rejected_topic
from tests.deploy.compose import IMAGE, Compose, Platform, run
from tests.deploy.traffic import PARTNER, Person, accepted, messages

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

_CANARY = 8_888_000_001


@pytest.fixture(scope="module")
def compose(platform: Platform) -> Compose:
    return platform.compose


@pytest.fixture(scope="module")
def secrets(platform: Platform) -> list[bytes]:
    """The real ones, as this deployment has made them, that of the administrator of Postgres first."""
    settings = platform.deployment.settings
    administrator = urlsplit(platform.deployment.addresses.postgres).password or ""
    keys = [settings.key, settings.fingerprint_key, settings.portal_key or ""]
    found = [administrator, *keys, *settings.passwords.values()]
    assert len(found) == 9
    assert all(found)
    assert all(len(each) >= 24 for each in found)
    return [*(each.encode() for each in found), *_of_kafka(platform.compose)]


def _of_kafka(compose: Compose) -> list[bytes]:
    """Every password, and of the administrator's private key a line."""
    files = {name: each for name, each in compose.kafka_secrets().items() if name != "ca.pem"}
    key = files.pop("administrator.pem").splitlines()[1]
    assert len(files) > 8
    assert all(len(each) >= 24 for each in (*files.values(), key))
    return [*files.values(), key]


@pytest.fixture(scope="module")
def person(platform: Platform) -> Person:
    """Somebody whose identifier was sent, in good events and in every place of broken ones."""
    person = Person(platform, _CANARY)
    assert accepted(person.rides(3))
    assert accepted(person.stayed_away())
    assert {verdict.result for verdict in person.wrong()} == {"refused"}
    person.until_counted()
    return person


@pytest.fixture(scope="module")
def canaries(secrets: list[bytes], person: Person) -> list[bytes]:
    """Beside secrets: the identifier as it was sent, the part of it that a broken event had, and the user_id."""
    return [*secrets, person.account.encode(), person.account[:-1].encode(), person.user_id.encode()]


def _found(canaries: list[bytes], where: bytes) -> list[str]:
    return [canary.decode() for canary in canaries if canary in where]


def test_the_search_finds_what_is_there(platform: Platform, compose: Compose, canaries: list[bytes]) -> None:
    """In the volumes that hold the secrets, and in the partner's own topic."""
    there = compose.operator_file("pgpass") + compose.operator_file("services/deployment.json")
    there += b"".join(compose.kafka_secrets().values())
    refused = messages(platform, rejected_topic(PARTNER))
    there += b"".join(each.value or b"" for each in refused)
    assert len(_found(canaries[:-1], there)) == len(canaries) - 1


def _layers(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        content = archive.extractfile(member) if member.isfile() else None
        if content is None:
            continue
        blob = content.read()
        yield member.name, blob
        if tarfile.is_tarfile(io.BytesIO(blob)):
            with tarfile.open(fileobj=io.BytesIO(blob)) as layer:
                yield from _layers(layer)


def test_no_image_holds_one(compose: Compose, canaries: list[bytes]) -> None:
    """Every layer, compressed or not, and every command of its making."""
    saved = run(["docker", "save", IMAGE], compose.environment)
    names = set()
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for name, content in _layers(archive):
            names.add(name.rpartition("/")[2])
            assert _found(canaries, content) == [], name
    assert {"deployment.py", "scorecard.toml"} <= names, "the search has not come to the files"
    assert "deployment.json" not in names
    history = compose.docker("history", "--no-trunc", IMAGE) + compose.docker("image", "inspect", IMAGE)
    assert _found(canaries, history.encode()) == []


def test_no_environment_holds_one(compose: Compose, canaries: list[bytes], secrets: list[bytes]) -> None:
    """Neither what Docker tells of a container, nor what its processes have."""
    listed = compose.docker("inspect", *compose("ps", "--all", "--quiet").split())
    assert "GOODSTANDING_KAFKA" in listed
    assert _found(canaries, listed.encode()) == []
    assert _found(canaries, compose("config").encode()) == []
    # A health check may come and go meanwhile, and what it had can then not be read.
    look = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2> /dev/null; true"
    for service in ("kafka", "postgres", *SERVICES):
        environments = compose("exec", "--no-TTY", service, "sh", "-c", look)
        assert len(environments) > 100
        # The image of Postgres reads the administrator's file into the environment of the server in that container.
        own = [secrets[0].decode()] if service == "postgres" else []
        assert {*_found(canaries, environments.encode())} <= {*own}, service


def test_no_log_holds_one(compose: Compose, canaries: list[bytes]) -> None:
    for service in (*compose.services(), "secrets", "migrate", "rights", "topics"):
        logged = compose("logs", "--no-log-prefix", service)
        assert _found(canaries, logged.encode()) == [], service
    assert len(compose("logs")) > 1_000


@pytest.mark.parametrize("service", SERVICES)
def test_no_page_of_a_service_holds_one(service: str, compose: Compose, canaries: list[bytes]) -> None:
    metrics = compose.page(service, "/metrics")
    assert "goodstanding_records_consumed_total{" in metrics
    for page in (metrics, compose.page(service, "/health/ready"), compose.page(service, "/health/live")):
        assert _found(canaries, page.encode()) == []
