"""How Kafka is reached: what settings can log in, and that nobody makes a client elsewhere."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from aiokafka.errors import SaslAuthenticationFailed, UnsupportedSaslMechanismError

from shared.kafka import clients
from shared.kafka.connection import KafkaConnection, connection_of
from shared.settings import ROOT, KafkaSettings, SettingsError, from_environment

_PRODUCT = ("goodstanding", "services", "shared", "bench")
_MAKES_A_CLIENT = re.compile(r"\bAIOKafka(Consumer|Producer|AdminClient)\(\w*(?!Consumer)")
_MAY = {"shared/kafka/clients.py"}


def test_an_address_alone_is_a_connection_in_the_clear() -> None:
    assert connection_of("broker:9092") == KafkaConnection("broker:9092")
    assert not KafkaConnection("broker:9092").uses_tls
    assert not KafkaConnection("broker:9092").uses_sasl


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "GOODSTANDING_KAFKA_USER is missing: SCRAM-SHA-512 needs one."),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "USER": "scorer"},
            "GOODSTANDING_KAFKA_PASSWORD_FILE is missing: SCRAM-SHA-512 needs one.",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "OAUTHBEARER"},
            "GOODSTANDING_KAFKA_TOKEN_FILE is missing: OAUTHBEARER needs a token.",
        ),
        ({"USER": "scorer"}, "GOODSTANDING_KAFKA_USER cannot log in with KAFKA_SECURITY_PROTOCOL=PLAINTEXT."),
        (
            {"SECURITY_PROTOCOL": "SSL", "KEY_FILE": "key.pem"},
            "GOODSTANDING_KAFKA_CERTIFICATE_FILE and KAFKA_KEY_FILE belong together: set both or neither.",
        ),
        ({"CA_FILE": "ca.pem"}, "GOODSTANDING_KAFKA_SECURITY_PROTOCOL=PLAINTEXT has no use for certificates."),
    ],
)
def test_what_cannot_log_in_is_refused_in_words(
    variables: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", "broker:9092")
    for name, value in variables.items():
        monkeypatch.setenv(f"GOODSTANDING_KAFKA_{name}", value)
    with pytest.raises(SettingsError) as refused:
        from_environment(KafkaSettings)
    assert str(refused.value) == sentence


def test_another_process_is_told_the_same_by_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: tmp_path / name for name in ("password_file", "ca_file", "certificate_file", "key_file")}
    connection = KafkaConnection("b1:1,b2:2", "SASL_SSL", "PLAIN", "scorer", **files)
    for name, value in connection.environment().items():
        monkeypatch.setenv(name, value)
    assert from_environment(KafkaSettings).connection == connection
    assert KafkaConnection("b1:1").environment() == {"GOODSTANDING_KAFKA": "b1:1"}


async def test_a_client_is_made_as_its_files_are_at_that_moment(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("first\n")
    connection = KafkaConnection("broker:9092", "SASL_SSL", user="scorer", password_file=password)
    login = clients._login(connection)
    assert (login["sasl_plain_username"], login["sasl_plain_password"]) == ("scorer", "first")
    assert login["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert login["ssl_context"].check_hostname
    assert clients._login(connection)["ssl_context"] is login["ssl_context"]
    password.write_text("second\n")
    assert clients._login(connection)["sasl_plain_password"] == "second"


async def test_a_connection_in_the_clear_is_left_to_the_library() -> None:
    assert "_get_conn" not in vars(clients.consumer("broker:9092")._client)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SaslAuthenticationFailed("no"), "Kafka refuses the password of scorer"),
        (UnsupportedSaslMechanismError("no"), "Kafka does not offer SCRAM-SHA-512"),
        (FileNotFoundError(2, "no", "/secrets/password"), "a secret cannot be read: /secrets/password"),
        (ConnectionRefusedError("nobody there"), None),
    ],
)
def test_why_a_login_was_refused(error: Exception, sentence: str | None, tmp_path: Path) -> None:
    connection = KafkaConnection("b:1", "SASL_SSL", user="scorer", password_file=tmp_path / "password")
    assert clients._refused(connection, "b", error) == sentence


def test_clients_are_made_in_one_place() -> None:
    """A client that is made elsewhere would connect in the clear, and as nobody."""
    files = (path for folder in _PRODUCT for path in (ROOT / folder).rglob("*.py"))
    makers = {
        str(path.relative_to(ROOT))
        for path in files
        for line in path.read_text().splitlines()
        if _MAKES_A_CLIENT.search(line) and not line.startswith("class ")
    }
    assert makers == _MAY
