"""Secrets as files: each reader gets its own and no other's, and what was made once stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography import x509

from goodstanding.platform.fixed_settings import STATEFUL, read_settings
from goodstanding.platform.secret_files import write_secret_files
from goodstanding.platform.servers.kafka_security import ADMINISTRATOR as ADMIN
from shared.contracts.topics import SERVICES

READERS = ("operator", "postgres", "ingest", *STATEFUL, "authority", "administrator", "kafka", "subscriber", "monitor")
PARTNERS = ["bank", "hotel"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for reader in READERS:
        (tmp_path / reader).mkdir()
    return tmp_path


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_reader_finds_its_own_secret_and_nobody_elses(place: Path) -> None:
    assert write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    settings = read_settings(place / "operator" / "services")
    assert settings is not None
    assert (place / "ingest" / "goodstanding_key").read_text() == settings.key
    assert (place / "retention" / "goodstanding_fingerprint_key").read_text() == settings.fingerprint_key
    for service in STATEFUL:
        line = f"postgres:5432:*:{service}:{settings.passwords[service]}\n"
        assert (place / service / "pgpass").read_text() == line
        others = [each for name, each in settings.passwords.items() if name != service]
        assert not any(each.encode() in text for each in others for text in contents(place / service).values())
    administrator = (place / "postgres" / "password").read_text()
    assert f"postgres:5432:*:postgres:{administrator}\n" in (place / "operator" / "pgpass").read_text()


def test_everybody_has_a_password_of_its_own_on_kafka(place: Path) -> None:
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    users = {path.name: path.read_text() for path in (place / "administrator").iterdir() if path.suffix != ".pem"}
    assert users.keys() == {
        *SERVICES,
        "operator",
        "portal",
        "monitor",
        "subscriber",
        "partner-bank",
        "partner-hotel",
        ADMIN,
    }
    assert len({*users.values()}) == len(users)
    for reader in (*SERVICES, "operator", "subscriber"):
        assert (place / reader / "kafka-password").read_text() == users[reader]
        others = [password for user, password in users.items() if user != reader]
        assert not any(each.encode() in text for each in others for text in contents(place / reader).values())
        assert not any(b"PRIVATE KEY" in text for text in contents(place / reader).values())


def test_the_servers_have_certificates_that_are_not_the_same_for_kafka(place: Path) -> None:
    """Kafka takes whoever has its broker's certificate for the broker, who may do everything."""
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    authority = x509.load_pem_x509_certificate((place / "authority" / "ca.pem").read_bytes())
    named = {"kafka/broker.pem": "broker", "postgres/server.pem": "postgres", "administrator/administrator.pem": ADMIN}
    for file, name in named.items():
        [certificate, _] = x509.load_pem_x509_certificates((place / file).read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert certificate.subject.rfc4514_string() == f"CN={name}"


def test_with_another_authority_everything_is_made_again(place: Path) -> None:
    """What Kafka has of secrets can be made again at any time, so a backup need not have it."""
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    for each in (place / "authority").iterdir():
        each.unlink()
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    authority = x509.load_pem_x509_certificate((place / "authority" / "ca.pem").read_bytes())
    for file in ("kafka/broker.pem", "postgres/server.pem", "administrator/administrator.pem"):
        x509.load_pem_x509_certificates((place / file).read_bytes())[0].verify_directly_issued_by(authority)


def test_only_the_servers_own_copies_can_be_read_by_another_user(place: Path) -> None:
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    modes = {name: (place / name).stat().st_mode & 0o777 for name in contents(place)}
    for name in ("postgres/password", "postgres/server.pem", "kafka/broker.pem", "monitor/monitor.pem"):
        assert modes.pop(name) == 0o444
    for reader in ("authority", "kafka", "postgres", "monitor"):
        assert modes.pop(f"{reader}/ca.pem") & 0o444 == 0o444, "what every client has"
    assert set(modes.values()) == {0o600}


def test_a_second_start_keeps_everything(place: Path) -> None:
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    before = contents(place)
    assert not write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    assert contents(place) == before


@pytest.mark.parametrize("lost", ["postgres", "ingest", *STATEFUL, "subscriber"])
def test_a_directory_that_was_lost_gets_the_same_again(place: Path, lost: str) -> None:
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    before = contents(place)
    shutil.rmtree(place / lost)
    (place / lost).mkdir()
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    after = contents(place)
    if lost == "postgres":
        # A certificate is no secret that anybody else has: another one does.
        assert before.pop("postgres/server.pem") != after.pop("postgres/server.pem")
    assert after == before


def test_a_platform_is_set_up_as_the_environment_says_and_stays_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable is what compose makes of one that nobody has set."""
    said = {"ZONE": "Europe/Berlin", "CURRENCY": "EUR", "CLOCK": "loading", "IDENTITY_SCHEME": ""}
    for name, value in said.items():
        monkeypatch.setenv(f"GOODSTANDING_{name}", value)
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    made = read_settings(place / "operator" / "services")
    assert made is not None
    assert (made.zone, made.currency, made.clock, made.identity_scheme) == (
        "Europe/Berlin",
        "EUR",
        "loading",
        "account",
    )
    monkeypatch.setenv("GOODSTANDING_CLOCK", "")
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS)
    assert read_settings(place / "operator" / "services") == made
