"""What is fixed when a deployment is made, secrets included, and the file that holds it: `deployment.json`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec

from goodstanding.errors import UserError
from goodstanding.platform.servers.ports import free_ports
from shared.contracts import currencies, zones
from shared.contracts.identifier_schemes import SCHEMES
from shared.contracts.identity import KEY_BYTES_MIN, SchemeName
from shared.contracts.rights import MONITOR
from shared.contracts.topics import PORTAL, PROCESSES, SERVICES

STATEFUL = ("retention", "scorer", "benefits")
"""The services that own a schema in Postgres."""
FILE = "deployment.json"


class FixedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a whole deployment from its beginning on: its secrets, and what the services must agree about.

    They are written down once, when the deployment is made. Only the cadence may be changed later, and by `go-live`
    what is said of the past.
    """

    key: str
    """The key of the pseudonyms, in hexadecimal characters."""
    fingerprint_key: str
    """The key of the fingerprints that remain of lapsed records, in hexadecimal characters."""
    passwords: dict[str, str]
    """The password of each stateful service's role in Postgres, and of the monitor's where there is one."""
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    identity_scheme: SchemeName = "account"
    retention_profile: str = "cn"
    clock: Literal["system", "stepped", "loading"] = "system"
    """`loading` from the beginning until `go-live`, which makes it `system` for good (decision 0040)."""
    kafka_prefix: str = ""
    """What stands before every name on Kafka (`shared.layout`)."""
    partitions: int = 6
    """Over how many partitions people are spread (`shared.layout`)."""
    replication_factor: int = 1
    """How many brokers keep a copy of each record."""
    backfill: str | None = None
    """The new partner and the closed months that take its events now: `partner:2025-01:2026-03` (rules E24)."""
    past_scores: Literal["all", "last"] = "all"
    """Whether all scores of a past that is loaded are published, or the last one only, when the platform goes live."""
    cadence: Literal["policy", "continuous"] = "policy"
    """`continuous` publishes each score as soon as it changes, whatever the scorecard's file says."""
    portal_key: str | None = None
    """The key of the portal's links and sessions, in hexadecimal characters; None where there is no portal."""
    portal_port: int = 0
    """Always the same, so that a link stays what it was."""
    scorecard: str | None = None
    """A file that takes the place of the shipped scorecards, by its absolute path."""

    @classmethod
    def new(cls, **settings: str) -> FixedSettings:
        """Settings for a new deployment: those given, then those of the environment (GOODSTANDING_ZONE and so on), then
        the defaults; secrets are made where the environment has none. Raises UserError for an invalid value."""
        named = {name: value for name in _FROM_ENVIRONMENT if (value := os.environ.get(f"GOODSTANDING_{name.upper()}"))}
        passwords = {service: secrets.token_urlsafe(24) for service in STATEFUL}
        keys = {name: secrets.token_hex(KEY_BYTES_MIN) for name in ("key", "fingerprint_key")}
        made = {**keys, "passwords": passwords}
        scheme = {**named, **settings}.get("identity_scheme", "account")
        if scheme not in SCHEMES:
            raise UserError(f"There is no identity scheme {scheme}.", f"Say one of: {', '.join(SCHEMES)}.")
        try:
            return msgspec.convert({**made, **named, **settings}, cls, strict=False)
        except msgspec.ValidationError as error:
            raise UserError(f"A setting cannot be used: {str(error).rstrip('.')}.") from None

    @property
    def services(self) -> tuple[str, ...]:
        """The processes of the deployment, in the order of the flow."""
        return PROCESSES if self.portal_key else SERVICES

    @property
    def stateful(self) -> tuple[str, ...]:
        """Those of them that own a schema in Postgres."""
        return (*STATEFUL, PORTAL) if self.portal_key else STATEFUL

    def with_portal(self, port: int | None = None) -> FixedSettings:
        """The same, with a portal; one that there is keeps its secrets and its port. A free one where none is given."""
        if self.portal_key:
            return self
        passwords = {**self.passwords, PORTAL: secrets.token_urlsafe(24)}
        port = port or free_ports(1)[0]
        return msgspec.structs.replace(
            self, passwords=passwords, portal_key=secrets.token_hex(KEY_BYTES_MIN), portal_port=port
        )

    def with_monitor(self) -> FixedSettings:
        """The same, with a role of Postgres for programs that watch it; one that there is keeps its password."""
        if MONITOR in self.passwords:
            return self
        return msgspec.structs.replace(self, passwords={**self.passwords, MONITOR: secrets.token_urlsafe(24)})

    def unused_variables(self) -> list[str]:
        """The variables of the environment that say something else than what the deployment was set up with."""
        public = ("zone", "currency", "identity_scheme", "retention_profile")
        said = {name: os.environ.get(f"GOODSTANDING_{name.upper()}") for name in public}
        return [
            f"GOODSTANDING_{name.upper()}"
            for name, value in said.items()
            if value not in (None, "", getattr(self, name))
        ]

    def __post_init__(self) -> None:
        # msgspec reports a ValueError as a fault of what it reads, whether from the environment or from a file.
        for name, check in (("zone", zones.zone), ("currency", currencies.check)):
            try:
                check(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"GOODSTANDING_{name.upper()}: {error}") from None
        for name in ("key", "fingerprint_key"):
            if not _is_key(getattr(self, name)):
                sentence = f"is not a key. It has at least {2 * KEY_BYTES_MIN} hexadecimal characters."
                raise ValueError(f"GOODSTANDING_{name.upper()} {sentence}")


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) >= KEY_BYTES_MIN
    except ValueError:
        return False


_FROM_ENVIRONMENT = (
    "key",
    "fingerprint_key",
    "zone",
    "currency",
    "identity_scheme",
    "retention_profile",
    "clock",
    "kafka_prefix",
    "partitions",
    "replication_factor",
)


def read_settings(directory: Path) -> FixedSettings | None:
    """The settings of the deployment in this directory, or None. Raises UserError for a damaged file."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=FixedSettings)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise UserError(
            f"{directory / FILE} cannot be read ({str(error).rstrip('.')}).",
            "Mend it, or start again: goodstanding local down --delete",
        ) from error
