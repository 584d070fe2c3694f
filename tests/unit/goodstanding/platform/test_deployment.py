"""Secrets and environments: what each process is told, and what it is not."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings, read_settings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.stack import given_addresses
from shared.contracts.topics import SERVICES

ADDRESSES = Addresses(kafka="127.0.0.1:1234", postgres="postgresql://admin:secret@127.0.0.1:5678/postgres")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment.create(tmp_path / "services", ADDRESSES, FixedSettings.new(zone="Asia/Taipei", currency="TWD"))


def test_what_was_written_down_is_found_again_by_its_owner_only(deployment: Deployment) -> None:
    assert Deployment.open(deployment.directory, ADDRESSES) == deployment
    (file,) = deployment.directory.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_deployment_and_a_damaged_one(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None
    (tmp_path / "deployment.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        read_settings(tmp_path)


def test_two_deployments_share_no_secret() -> None:
    one, other = FixedSettings.new(), FixedSettings.new()
    assert one.key != other.key
    assert one.passwords != other.passwords


def test_every_service_is_told_the_deployments_settings(deployment: Deployment) -> None:
    for service in SERVICES:
        told = deployment.environment(service)
        assert told["GOODSTANDING_KAFKA"] == "127.0.0.1:1234"
        assert (told["GOODSTANDING_ZONE"], told["GOODSTANDING_CURRENCY"]) == ("Asia/Taipei", "TWD")


def test_who_remembers_what_is_gone_has_the_key_of_the_fingerprints(deployment: Deployment) -> None:
    key = deployment.settings.fingerprint_key
    assert {service for service in SERVICES if key in deployment.environment(service).values()} == set(STATEFUL)


def test_nobody_is_told_anothers_secret(deployment: Deployment) -> None:
    ingest, scorer = deployment.environment("ingest"), deployment.environment("scorer")
    assert ingest["GOODSTANDING_KEY"] == deployment.settings.key
    assert deployment.settings.key not in "".join(scorer.values())
    assert "GOODSTANDING_POSTGRES" not in ingest
    for service, password in deployment.settings.passwords.items():
        told = deployment.environment(service)
        assert told["GOODSTANDING_POSTGRES"] == f"postgresql://{service}:{password}@127.0.0.1:5678/postgres"
        others = [deployment.environment(other) for other in SERVICES if other != service]
        assert not any(password in value for other in others for value in other.values())
    assert not any("secret" in value for service in SERVICES for value in deployment.environment(service).values())


@pytest.mark.parametrize(
    ("admin", "dsn"),
    [
        ("postgresql://a:b@h:1/db?sslmode=require", "postgresql://scorer:p%40%2F@h:1/db?sslmode=require"),
        ("postgresql://h/db", "postgresql://scorer:p%40%2F@h/db"),
    ],
)
def test_a_roles_dsn(tmp_path: Path, admin: str, dsn: str) -> None:
    settings = FixedSettings(key="00" * 32, fingerprint_key="11" * 32, passwords={"scorer": "p@/"})
    assert Deployment(tmp_path, Addresses(kafka="k", postgres=admin), settings).dsn("scorer") == dsn


def test_a_service_may_have_a_server_of_its_own(tmp_path: Path) -> None:
    apart = {"scorer": "postgresql://admin:secret@scores:5432/standing?sslmode=require"}
    addresses = Addresses(kafka="k", postgres="postgresql://admin:secret@db:5432/standing", postgres_apart=apart)
    deployment = Deployment.create(tmp_path / "services", addresses, FixedSettings.new())
    hosts = {service: deployment.dsn(service).rpartition("@")[2] for service in STATEFUL}
    assert hosts == {
        "retention": "db:5432/standing",
        "scorer": "scores:5432/standing?sslmode=require",
        "benefits": "db:5432/standing",
    }
    assert deployment.environment("scorer")["GOODSTANDING_POSTGRES"] == deployment.dsn("scorer")
    assert addresses.by_postgres(STATEFUL) == {
        addresses.postgres: ["retention", "benefits"],
        apart["scorer"]: ["scorer"],
    }


def test_the_environment_names_the_servers_of_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "POSTGRES", *(f"POSTGRES_{service.upper()}" for service in (*STATEFUL, "portal"))):
        monkeypatch.delenv(f"GOODSTANDING_{name}", raising=False)
    assert given_addresses() is None
    monkeypatch.setenv("GOODSTANDING_POSTGRES_SCORER", "postgresql://scores/standing")
    with pytest.raises(
        UserError, match=r"POSTGRES_SCORER is set, and GOODSTANDING_POSTGRES is not\. Set GOODSTANDING_PO"
    ):
        given_addresses()
    monkeypatch.setenv("GOODSTANDING_KAFKA", "kafka:9092")
    monkeypatch.setenv("GOODSTANDING_POSTGRES", "postgresql://db/standing")
    given = given_addresses()
    assert given is not None
    assert [given.postgres_of(service) for service in STATEFUL] == [
        "postgresql://db/standing",
        "postgresql://scores/standing",
        "postgresql://db/standing",
    ]


def test_the_environment_names_settings_of_a_new_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_CURRENCY", "EUR")
    monkeypatch.setenv("GOODSTANDING_KEY", "ab" * 32)
    assert (FixedSettings.new().currency, FixedSettings.new().key) == ("EUR", "ab" * 32)
    assert FixedSettings.new(currency="TWD").currency == "TWD"
    monkeypatch.setenv("GOODSTANDING_IDENTITY_SCHEME", "shoe size")
    with pytest.raises(UserError, match=r"no identity scheme shoe size. Say one of: account, .*email"):
        FixedSettings.new()


def test_a_variable_that_says_something_else_than_what_was_set_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FixedSettings(key="00" * 32, fingerprint_key="11" * 32, passwords={})
    monkeypatch.setenv("GOODSTANDING_IDENTITY_SCHEME", "mail")
    monkeypatch.setenv("GOODSTANDING_CURRENCY", "CNY")
    assert settings.unused_variables() == ["GOODSTANDING_IDENTITY_SCHEME"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("currency", "RMB", "CURRENCY: This is no currency of ISO 4217"),
        ("currency", "UYI", "CURRENCY: This is no currency of ISO 4217"),
        ("zone", "US/Eastern", "ZONE: This is an old name, which not every machine has; write America/New_York"),
        ("key", "abc", "KEY is not a key"),
        ("key", "00", "KEY is not a key. It has at least 64 hexadecimal characters"),
        ("fingerprint_key", "secret", "FINGERPRINT_KEY is not a key"),
        ("zone", "Mars", "ZONE: There is no such time zone"),
    ],
)
def test_a_setting_that_no_service_would_take_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    good = FixedSettings.new()
    (tmp_path / "deployment.json").write_bytes(msgspec.json.encode(msgspec.to_builtins(good) | {name: value}))
    with pytest.raises(UserError, match=sentence):
        read_settings(tmp_path)
    monkeypatch.setenv(f"GOODSTANDING_{name.upper()}", value)
    with pytest.raises(UserError, match=sentence):
        FixedSettings.new()
