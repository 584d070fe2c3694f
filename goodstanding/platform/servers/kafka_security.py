"""What makes the local broker a secured one: TLS, users with passwords, and rights without which nothing is allowed.

The broker and the administrator are users that exist from its first start on, and may do everything. All others are
made on the running broker, by whoever runs the platform.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from goodstanding.platform.private_file import write_private
from shared.kafka.connection import KafkaConnection

ADMINISTRATOR, BROKER = "administrator", "broker"
_MECHANISM: Final = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """The certificates and passwords in one directory."""

    directory: Path

    def prepare(self) -> None:
        """Make what is not there yet, and renew the certificate in time. Called before each start."""
        # What makes certificates takes a tenth of a second to import, and most commands have no use for it.
        from goodstanding.platform import certificates

        certificates.ensure_authority(self.directory)
        certificates.ensure_certificate(
            self.directory, self._keystore, ["localhost", "127.0.0.1", "::1"], common_name=BROKER
        )
        for user in (ADMINISTRATOR, BROKER):
            if not self._password(user).exists():
                write_private(self._password(user), secrets.token_urlsafe(24).encode())

    def users(self) -> list[str]:
        """For the tool that makes the data directory: the users who are to exist from the first start on."""
        named = ((user, self._password(user).read_text()) for user in (ADMINISTRATOR, BROKER))
        return [f"--add-scram={_MECHANISM}=[name={user},password={password}]" for user, password in named]

    def settings(self, *, listen: str, advertise: str, controller: str) -> dict[str, str | int]:
        """In the place of those of a node in the clear."""
        password = self._password(BROKER).read_text()
        return {
            "listeners": f"SECURE://{listen},CONTROLLER://{controller}",
            "advertised.listeners": f"SECURE://{advertise}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "SECURE",
            "listener.security.protocol.map": "SECURE:SASL_SSL,CONTROLLER:SSL",
            "sasl.enabled.mechanisms": _MECHANISM,
            "sasl.mechanism.inter.broker.protocol": _MECHANISM,
            "listener.name.secure.scram-sha-512.sasl.jaas.config": (
                f'{_LOGIN} required username="{BROKER}" password="{password}";'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
            # Passwords are kept in what the controller serves, so it cannot ask for one itself.
            "listener.name.controller.ssl.client.auth": "required",
            "listener.name.controller.ssl.principal.mapping.rules": "RULE:^.*CN=([a-zA-Z0-9.-]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{ADMINISTRATOR};User:{BROKER}",
        }

    def administrator(self, address: str) -> KafkaConnection:
        return KafkaConnection(
            address,
            "SASL_SSL",
            _MECHANISM,
            ADMINISTRATOR,
            self._password(ADMINISTRATOR),
            ca_file=self.ca_file,
        )

    @property
    def ca_file(self) -> Path:
        from goodstanding.platform.certificates import CA

        return self.directory / CA

    @property
    def _keystore(self) -> Path:
        return self.directory / "broker.pem"

    def _password(self, user: str) -> Path:
        return self.directory / f"{user}.password"
