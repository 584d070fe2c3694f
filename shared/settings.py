"""Settings that every service has, read from the environment (`GOODSTANDING_*`), each with its unit in its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts import currencies, zones
from shared.contracts.identity import KEY_BYTES_MIN
from shared.kafka.connection import KafkaConnection, SaslMechanism, SecurityProtocol
from shared.layout import PARTITIONS_MAX, PREFIX_FORM

S = TypeVar("S", bound=BaseSettings)

ROOT = Path(__file__).resolve().parent.parent
"""The directory that holds policies/ and partners/: the checkout, or the place where the package is installed."""


def policies_here() -> Path:
    """The directory of policies, for commands: as services do, they obey GOODSTANDING_POLICIES."""
    return Path(os.environ.get("GOODSTANDING_POLICIES") or ROOT / "policies")


def partners_here() -> Path:
    """The directory of mappings, for commands: as services do, they obey GOODSTANDING_PARTNERS."""
    return Path(os.environ.get("GOODSTANDING_PARTNERS") or ROOT / "partners")


_SECRETS = Path("/run/secrets")
"""Where containers find secrets as files; `goodstanding_key` there is the setting GOODSTANDING_KEY."""


class SettingsError(ValueError):
    """Settings that cannot be used. `str()` has a sentence for each, with the variable's name and never its value."""


def from_environment(settings: type[S]) -> S:
    """The settings as the environment and its secret files have them. Raises SettingsError."""
    try:
        return settings()
    except ValidationError as error:
        prefix = str(settings.model_config.get("env_prefix", ""))
        raise SettingsError(" ".join(_sentences(error, prefix))) from None


def _sentences(error: ValidationError, prefix: str) -> list[str]:
    found = error.errors(include_url=False, include_input=False)
    return [_named(each["loc"], prefix, _sentence(each["type"], each["msg"])) for each in found]


def _named(path: tuple[int | str, ...], prefix: str, sentence: str) -> str:
    """What is wrong with several settings together begins with the name of one, as they have it here."""
    return f"{_variable(path, prefix)}: {sentence}" if path else f"{prefix}{sentence}"


def _variable(path: tuple[int | str, ...], prefix: str) -> str:
    return f"{prefix}{'_'.join(map(str, path))}".upper()


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "This setting has no default; set it."
    return f"{message.removeprefix('Value error, ').rstrip('.')}."


def _is_key(key: SecretStr) -> SecretStr:
    try:
        length = len(key_bytes(key))
    except ValueError:
        # Not chained: the message of the original quotes the text.
        raise ValueError("the key must be hexadecimal characters") from None
    if length < KEY_BYTES_MIN:
        raise ValueError(f"the key has {length} bytes; it needs at least {KEY_BYTES_MIN}")
    return key


def key_bytes(key: SecretStr) -> bytes:
    """The key that is written in hexadecimal characters."""
    return bytes.fromhex(key.get_secret_value())


HexKey = Annotated[SecretStr, AfterValidator(_is_key)]


class KafkaSettings(BaseSettings):
    """How this process reaches Kafka, and who it is there."""

    model_config = SettingsConfigDict(
        env_prefix="GOODSTANDING_",
        env_ignore_empty=True,
        extra="ignore",
        # A key that is refused must not be in the message that says so.
        hide_input_in_errors=True,
        # A secret is better a file than a variable, which every child and every crash report inherits.
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    kafka: str = Field(description="Kafka bootstrap servers, host:port, comma separated.")
    kafka_prefix: str = Field(
        "",
        pattern=f"^{PREFIX_FORM}$",
        description="What stands before the names of topics, groups, transactional ids and users, so that several "
        "deployments share one Kafka: a word and a point, such as `eu.`. Fixed when a deployment is set up. A variable "
        "only, never a file.",
    )
    kafka_security_protocol: SecurityProtocol = Field(
        "PLAINTEXT", description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`, as the brokers' listener has it."
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", description="`SCRAM-SHA-512`, `SCRAM-SHA-256`, `PLAIN` or `OAUTHBEARER`."
    )
    kafka_user: str = Field("", description="Who logs in to Kafka. One name for each service and partner.")
    kafka_password_file: Path | None = Field(
        None,
        description="File with the password alone. Each new connection reads it again.",
    )
    kafka_token_file: Path | None = Field(None, description="File with the token of `OAUTHBEARER`, which others renew.")
    kafka_ca_file: Path | None = Field(
        None, description="Authorities (PEM) that may sign the brokers' certificates; without it, those of the system."
    )
    kafka_certificate_file: Path | None = Field(
        None, description="This client's certificate and chain (PEM), where brokers ask for one (mutual TLS)."
    )
    kafka_key_file: Path | None = Field(None, description="The private key (PEM) of that certificate.")

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        _ = self.connection
        return self

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(
            self.kafka,
            self.kafka_security_protocol,
            self.kafka_sasl_mechanism,
            self.kafka_user,
            self.kafka_password_file,
            self.kafka_token_file,
            self.kafka_ca_file,
            self.kafka_certificate_file,
            self.kafka_key_file,
        )


class DeploymentSettings(KafkaSettings):
    """What is one for the whole deployment: changing any of these means a new deployment or a re-shard."""

    partitions: int = Field(
        6,
        ge=1,
        le=PARTITIONS_MAX,
        description="Partitions of every topic of people, and so how many processes of a service can share the work. "
        "Fixed when a deployment is set up, since it decides where each person is. A variable only, never a file.",
    )
    zone: str = Field("Asia/Shanghai", description="IANA zone of calendar months and of the publication day.")
    currency: str = Field("CNY", description="Base currency of all amounts after ingest.")
    clock: str = Field(
        "system",
        pattern="^(system|stepped|loading)$",
        description="`stepped` only in demos and tests; `loading` until `goodstanding go-live`, while the past is "
        "imported.",
    )
    policies: Path = Field(ROOT / "policies", description="Directory of the scoring and retention policies.")
    partners: Path = Field(ROOT / "partners", description="Directory of the partner mappings.")

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        zones.zone(name)
        return name

    @field_validator("currency")
    @classmethod
    def _currency_exists(cls, code: str) -> str:
        currencies.check(code)
        return code

    @property
    def zone_info(self) -> ZoneInfo:
        return zones.zone(self.zone)


class ServiceSettings(DeploymentSettings):
    """What each process of a service needs besides; the defaults suit one machine with two cores."""

    http_host: str = Field("127.0.0.1", description="Address of /metrics and /health.")
    http_port: int = Field(0, ge=0, le=65535, description="Port of /metrics and /health; 0 takes a free one.")
    log_level: str = Field("INFO", description="Of our own log lines; those of libraries begin at WARNING.")

    batch_records_max: int = Field(
        16_000,
        gt=0,
        description="Records in one step, and so in one transaction. Steps begin with 2,000 and have more only where a "
        "shard is behind and its steps stay short. Those of ingest, which has no transaction, have 2,000 at most.",
    )
    buffer_records_max: int = Field(24_000, gt=0, description="Records of one shard held in memory; more pauses it.")
    buffer_bytes_max: int = Field(
        96 * 1024 * 1024,
        gt=0,
        description="Bytes that all shards of a process hold in memory. A shard's share is this divided by the number "
        "of partitions.",
    )
    fetch_max_wait_ms: int = Field(
        100, ge=1, description="A fetch without records is answered after this; some records wait for the next one."
    )
    instance_id: str = Field(
        "",
        pattern="^[a-zA-Z0-9._-]{0,200}$",
        description="Name of this process among those of its service, which it has again after a restart. Its shards "
        "then wait for it, for `GOODSTANDING_SESSION_TIMEOUT_MS` at most, instead of moving there and back. No two "
        "processes may have one name at a time.",
    )
    session_timeout_ms: int = Field(10_000, gt=0, description="A silent process loses its shards after this.")
    drain_timeout_s: float = Field(20.0, gt=0, description="On SIGTERM, how long the steps in flight may take.")
    clock_tolerance_s: float = Field(
        120.0,
        gt=0,
        description="How far the machine's clock may be from Postgres' and the broker's; beyond it nothing is decided.",
    )
    metadata_max_age_ms: int = Field(5_000, gt=0, description="How soon a new partner's topic is noticed.")
    traces: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="Where an OpenTelemetry collector takes spans, such as http://collector:4318/v1/traces; without it "
        "none are made. Needs the extra `traces`.",
    )
    traces_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Of the events whose partner asks for no trace (`traceparent`), the share that is traced all the "
        "same.",
    )


class StatefulSettings(ServiceSettings):
    """What each process of a service with state needs besides, which is every service but ingest."""

    postgres: str = Field(
        "",
        description="DSN of the service's own role; a password that it lacks is in the file that PGPASSFILE names.",
    )
    postgres_pooled: bool = Field(
        False,
        description="Whether PgBouncer in transaction mode, or the like, is between. `goodstanding migrate` and the "
        "command line go to Postgres itself.",
    )
    portal: bool = Field(
        False,
        description="Whether there is a portal: then retention and the scorer tell it what a person may read there, "
        "and an erasure waits for it. Alike for all services.",
    )
    due_page_max: int = Field(2_000, gt=0, description="People or records that one timer step handles.")
    cache_entries_max: int = Field(20_000, ge=0, description="States kept in memory for each shard.")
