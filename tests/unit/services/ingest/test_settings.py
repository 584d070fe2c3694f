"""What keeps ingest from starting, before the first event is read under it."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from services.ingest.loading import load, load_context
from services.ingest.service import service
from services.ingest.settings import IngestSettings
from shared.settings import SettingsError, from_environment
from shared.toml_file import ConfigError
from tests.support.ingest.raw_events import PERSON
from tests.support.ingest.shipped import KEY, pseudonym


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("c0ffee" * 10, "30 bytes; it needs at least 32"), ("my secret key " * 5, "hexadecimal"), ("", "0 bytes")],
)
def test_a_weak_key_is_refused_and_not_shown(key: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence) as caught:
        IngestSettings(kafka="", key=SecretStr(key))
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CURRENCY", "RMB", "GOODSTANDING_CURRENCY: This is no currency of ISO 4217"),
        ("CURRENCY", "UYI", "GOODSTANDING_CURRENCY: This is no currency of ISO 4217"),
        ("ZONE", "PRC", "GOODSTANDING_ZONE: This is an old name, which not every machine has; write Asia/Shanghai"),
        ("ZONE", "Asia", "GOODSTANDING_ZONE: There is no such time zone"),
        ("HTTP_PORT", "many", "GOODSTANDING_HTTP_PORT: Input should be a valid integer"),
        ("KEY", "c0ffee", "GOODSTANDING_KEY: the key has 3 bytes"),
        ("KEY", "", "GOODSTANDING_KEY: This setting has no default; set it."),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", "kafka:9092")
    monkeypatch.setenv("GOODSTANDING_KEY", KEY.hex())
    monkeypatch.setenv(f"GOODSTANDING_{name}", value)
    with pytest.raises(SettingsError) as caught:
        from_environment(IngestSettings)
    assert str(caught.value).startswith(sentence)
    assert KEY.hex() not in str(caught.value)


def test_the_deployment_follows_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", "kafka:9092")
    monkeypatch.setenv("GOODSTANDING_KEY", KEY.hex())
    monkeypatch.setenv("GOODSTANDING_CURRENCY", "TWD")
    monkeypatch.setenv("GOODSTANDING_ZONE", "Asia/Taipei")
    deployment = load_context(IngestSettings())
    assert deployment.person_of(PERSON).user_id == pseudonym(PERSON)
    assert deployment.rates.base == "TWD"
    assert str(deployment.zone) == "Asia/Taipei"
    assert deployment.behavior_days_late_max == 90


def test_an_unknown_profile_is_named() -> None:
    settings = IngestSettings(kafka="", key=SecretStr(KEY.hex()), retention_profile="atlantis")
    with pytest.raises(ConfigError, match=r"atlantis\.toml:1: .*cannot be read"):
        load_context(settings)


def test_a_deployment_is_known_by_its_key_and_does_not_tell_it() -> None:
    """Ingest has no database that says which deployment it is, so its notes in the consumer group must."""

    def owner(key: bytes) -> str:
        return service(load(IngestSettings(kafka="", key=SecretStr(key.hex()))).policy).mode.owner

    ours, again, others = map(owner, (KEY, KEY, bytes(reversed(KEY))))
    assert ours == again
    assert ours != others
    assert ours not in KEY.hex()
    assert len(ours) == 16
