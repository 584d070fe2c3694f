"""How a program reaches Kafka and who it is there: one value, which every client of the platform is made from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias

SecurityProtocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism: TypeAlias = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"]


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Secrets are named by their files and never held: a new connection reads what the file has by then.

    Raises ValueError for a combination that cannot log in.
    """

    bootstrap: str
    """host:port, comma separated."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    """The bearer token of OAUTHBEARER, which somebody else renews."""
    ca_file: Path | None = None
    """The authorities that may have signed the brokers' certificates; None takes those of the system."""
    certificate_file: Path | None = None
    """This client's own certificate and chain, where the brokers ask for one (mutual TLS)."""
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.uses_sasl and self.sasl_mechanism == "OAUTHBEARER":
            _require(self.token_file, "KAFKA_TOKEN_FILE is missing: OAUTHBEARER needs a token")
        elif self.uses_sasl:
            _require(self.user, f"KAFKA_USER is missing: {self.sasl_mechanism} needs one")
            _require(self.password_file, f"KAFKA_PASSWORD_FILE is missing: {self.sasl_mechanism} needs one")
        elif self.user:
            raise ValueError(f"KAFKA_USER cannot log in with KAFKA_SECURITY_PROTOCOL={self.security_protocol}")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("KAFKA_CERTIFICATE_FILE and KAFKA_KEY_FILE belong together: set both or neither")
        if not self.uses_tls and (self.ca_file or self.key_file):
            raise ValueError(f"KAFKA_SECURITY_PROTOCOL={self.security_protocol} has no use for certificates")

    def environment(self) -> dict[str, str]:
        """The settings that say the same to another process."""
        names = (each.name for each in fields(self))
        values = {name: getattr(self, name) for name in names}
        given = {f"GOODSTANDING_KAFKA_{name.upper()}": str(value) for name, value in values.items() if value}
        given["GOODSTANDING_KAFKA"] = given.pop("GOODSTANDING_KAFKA_BOOTSTRAP", "")
        return given if self.uses_tls or self.uses_sasl else {"GOODSTANDING_KAFKA": self.bootstrap}

    @property
    def uses_tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")


Kafka: TypeAlias = KafkaConnection | str
"""Where a connection is expected, an address alone means one without encryption and without a login."""


def connection_of(kafka: Kafka) -> KafkaConnection:
    return KafkaConnection(kafka) if isinstance(kafka, str) else kafka


def bootstrap_of(kafka: Kafka) -> str:
    return connection_of(kafka).bootstrap


def _require(value: object, sentence: str) -> None:
    if not value:
        raise ValueError(sentence)
