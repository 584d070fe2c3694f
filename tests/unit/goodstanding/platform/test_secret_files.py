"""Secrets as files: each reader gets its own and no other's, and what was made once stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from goodstanding.platform.certificates import Step
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, read_settings
from goodstanding.platform.secret_files import write_secret_files
from goodstanding.platform.servers import Addresses
from goodstanding.platform.servers.kafka_security import ADMINISTRATOR as ADMIN
from shared.contracts.topics import PORTAL, PROCESSES, SERVICES

OWNERS = (*STATEFUL, PORTAL)
"""Of a schema."""
READERS = ("operator", "postgres", "ingest", *OWNERS, "authority", "administrator", "kafka", "subscriber", "monitor")
PARTNERS = ["bank", "hotel"]


def write(place: Path, *, portal: bool = True) -> bool:
    return write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS, portal=portal)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for reader in READERS:
        (tmp_path / reader).mkdir()
    return tmp_path


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_reader_finds_its_own_secret_and_nobody_elses(place: Path) -> None:
    assert write(place)
    settings = read_settings(place / "operator" / "services")
    assert settings is not None
    assert (place / "ingest" / "goodstanding_key").read_text() == settings.key
    assert (place / "retention" / "goodstanding_fingerprint_key").read_text() == settings.fingerprint_key
    assert (place / "portal" / "goodstanding_portal_key").read_text() == settings.portal_key
    for service in OWNERS:
        line = f"postgres:5432:*:{service}:{settings.passwords[service]}\n"
        assert (place / service / "pgpass").read_text() == line
        others = [each for name, each in settings.passwords.items() if name != service]
        assert not any(each.encode() in text for each in others for text in contents(place / service).values())
    administrator = (place / "postgres" / "password").read_text()
    assert f"postgres:5432:*:postgres:{administrator}\n" in (place / "operator" / "pgpass").read_text()


def test_a_service_on_another_postgres_has_its_address_and_the_operator_both(place: Path) -> None:
    apart = {"scorer": "scores:5433"}
    write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS, postgres_apart=apart)
    settings = read_settings(place / "operator" / "services")
    assert settings is not None
    assert (place / "scorer" / "pgpass").read_text().startswith("scores:5433:*:scorer:")
    assert (place / "benefits" / "pgpass").read_text().startswith("postgres:5432:*:benefits:")
    lines = [line.split(":") for line in (place / "operator" / "pgpass").read_text().splitlines()]
    roles = [(f"{host}:{port}", role) for host, port, _, role, _ in lines]
    assert roles == [
        *(("postgres:5432", role) for role in ("postgres", "retention", "benefits", "monitor")),
        *(("scores:5433", role) for role in ("postgres", "scorer", "monitor")),
    ]
    administrators = {password for *_, role, password in lines if role == "postgres"}
    assert len(administrators) == 2, "each server has an administrator of its own"
    names = x509.load_pem_x509_certificate((place / "postgres" / "server.pem").read_bytes())
    assert {"postgres", "scores"} <= {
        *names.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    }
    before = contents(place)
    assert not write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS, postgres_apart=apart)
    assert contents(place) == before


def test_everybody_has_a_password_of_its_own_on_kafka(place: Path) -> None:
    write(place)
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
    for reader in (*PROCESSES, "operator", "subscriber"):
        assert (place / reader / "kafka-password").read_text() == users[reader]
        others = [password for user, password in users.items() if user != reader]
        assert not any(each.encode() in text for each in others for text in contents(place / reader).values())
        assert not any(b"PRIVATE KEY" in text for text in contents(place / reader).values())


def test_the_servers_have_certificates_that_are_not_the_same_for_kafka(place: Path) -> None:
    """Kafka takes whoever has its broker's certificate for the broker, who may do everything."""
    write(place)
    authority = x509.load_pem_x509_certificate((place / "authority" / "ca.pem").read_bytes())
    named = {"kafka/broker.pem": "broker", "postgres/server.pem": "postgres", "administrator/administrator.pem": ADMIN}
    for file, name in named.items():
        [certificate, _] = x509.load_pem_x509_certificates((place / file).read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert certificate.subject.rfc4514_string() == f"CN={name}"


def test_with_another_authority_everything_is_made_again(place: Path) -> None:
    """What Kafka has of secrets can be made again at any time, so a backup need not have it."""
    write(place)
    for each in (place / "authority").iterdir():
        each.unlink()
    write(place)
    authority = x509.load_pem_x509_certificate((place / "authority" / "ca.pem").read_bytes())
    for file in ("kafka/broker.pem", "postgres/server.pem", "administrator/administrator.pem"):
        x509.load_pem_x509_certificates((place / file).read_bytes())[0].verify_directly_issued_by(authority)


def test_everybody_is_told_both_authorities_while_one_takes_over_from_the_other(place: Path) -> None:
    write(place)
    before = contents(place)
    told = [name for name in before if name.endswith("/ca.pem")]
    names = ("kafka/broker.pem", "postgres/server.pem", "administrator/administrator.pem", "monitor/monitor.pem")
    steps: list[tuple[Step, int]] = [("announce", 2), ("use", 2), ("forget", 1)]
    for step, authorities in steps:
        write_secret_files(place, "postgres:5432", "kafka:9092", PARTNERS, portal=True, authority=step)
        after = contents(place)
        assert {after[name].count(b"BEGIN CERTIFICATE") for name in told} == {authorities}
        renewed = {name for name in names if after[name] != before[name]}
        assert renewed == (set() if step == "announce" else {*names})
        changed = {name for name in before if after[name] != before[name]}
        assert changed <= {*told, *names, "authority/ca.key"}, "no password and no key of people"


def test_only_the_servers_own_copies_can_be_read_by_another_user(place: Path) -> None:
    write(place)
    modes = {name: (place / name).stat().st_mode & 0o777 for name in contents(place)}
    for name in (
        "postgres/password",
        "postgres/server.pem",
        "kafka/broker.pem",
        "monitor/monitor.pem",
        "monitor/postgres-password",
    ):
        assert modes.pop(name) == 0o444
    for reader in ("authority", "kafka", "postgres", "monitor"):
        assert modes.pop(f"{reader}/ca.pem") & 0o444 == 0o444, "what every client has"
    assert set(modes.values()) == {0o600}


def test_a_second_start_keeps_everything(place: Path) -> None:
    write(place)
    before = contents(place)
    assert not write(place)
    assert contents(place) == before


@pytest.mark.parametrize("lost", ["postgres", "ingest", *OWNERS, "subscriber"])
def test_a_directory_that_was_lost_gets_the_same_again(place: Path, lost: str) -> None:
    write(place)
    before = contents(place)
    shutil.rmtree(place / lost)
    (place / lost).mkdir()
    write(place)
    after = contents(place)
    if lost == "postgres":
        # A certificate is no secret that anybody else has: another one does.
        assert before.pop("postgres/server.pem") != after.pop("postgres/server.pem")
    assert after == before


def test_a_portal_is_added_to_a_platform_that_had_none_and_nothing_else_changes(place: Path) -> None:
    """Nor has one that is older a role for whoever watches Postgres."""
    write(place, portal=False)
    before, made = contents(place), read_settings(place / "operator" / "services")
    assert made is not None
    assert not any(name.startswith("portal/") for name in before)
    without = {name: password for name, password in made.passwords.items() if name != "monitor"}
    Deployment.create(
        place / "operator" / "services", Addresses(kafka="", postgres=""), replace(made, passwords=without)
    )
    assert not write(place)
    after = contents(place)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"operator/services/deployment.json", "operator/pgpass", "monitor/postgres-password"}
    now = read_settings(place / "operator" / "services")
    assert now is not None
    assert (now.key, now.fingerprint_key, now.portal_port) == (made.key, made.fingerprint_key, 8080)
    assert now.passwords.items() >= without.items()
    assert now.passwords.keys() == {*OWNERS, "monitor"}


def test_a_platform_is_set_up_as_the_environment_says_and_stays_so(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable is what compose makes of one that nobody has set."""
    said = {"ZONE": "Europe/Berlin", "CURRENCY": "EUR", "CLOCK": "loading", "IDENTITY_SCHEME": ""}
    for name, value in said.items():
        monkeypatch.setenv(f"GOODSTANDING_{name}", value)
    write(place)
    made = read_settings(place / "operator" / "services")
    assert made is not None
    assert (made.zone, made.currency, made.clock, made.identity_scheme) == (
        "Europe/Berlin",
        "EUR",
        "loading",
        "account",
    )
    monkeypatch.setenv("GOODSTANDING_CLOCK", "")
    write(place)
    assert read_settings(place / "operator" / "services") == made
