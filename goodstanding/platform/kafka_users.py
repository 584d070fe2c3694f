"""The users of a deployment's Kafka: who they are, where their passwords lie, and that they have their rights.

Each service, partner and subscriber is somebody of its own, so that none can do what is another's.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from goodstanding.platform import acl_plan
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers.kafka_security import ADMINISTRATOR
from shared.contracts.rights import principals
from shared.kafka import acls
from shared.kafka.connection import Kafka, KafkaConnection

PASSWORDS = "kafka-users"
"""The directory of the passwords, below that of the deployment."""


@dataclass(frozen=True, slots=True)
class KafkaUsers:
    """The passwords are files in one directory, named by the user."""

    directory: Path
    administrator: KafkaConnection

    def connection(self, user: str) -> KafkaConnection:
        """How this user reaches Kafka."""
        return replace(self.administrator, user=user, password_file=self._password(user))

    async def ensure(self, partners: Sequence[str], subscribers: Sequence[str]) -> None:
        """Have every user exist, with the rights that the table of topics gives to each and no others.

        Raises KafkaError.
        """
        await self.set_passwords(partners, subscribers)
        await acl_plan.apply(self.administrator, await acl_plan.plan(self.administrator, partners, subscribers))

    async def set_passwords(self, partners: Sequence[str], subscribers: Sequence[str]) -> None:
        """Have every user exist with its password, the administrator too where it has one here. Raises KafkaError."""
        users = [*principals(partners, subscribers)]
        if self._password(ADMINISTRATOR).exists():
            users.append(ADMINISTRATOR)
        await acls.set_passwords(self.administrator, [(user, self.password(user)) for user in users])

    async def renew(self, user: str) -> None:
        """Give the user another password, in Kafka first and then in its file. Connections that it has go on."""
        password = secrets.token_urlsafe(24)
        await acls.set_passwords(self.administrator, [(user, password)])
        write_private(self._password(user), password.encode())

    def password(self, user: str) -> str:
        """Made when it is first asked for."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return kept_password(self._password(user))

    def _password(self, user: str) -> Path:
        return self.directory / user


def kept_password(path: Path) -> str:
    """The password in the file, which is made where there is none."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24).encode())
    return path.read_text()


def users_of(directory: Path, login: Kafka) -> KafkaUsers:
    assert isinstance(login, KafkaConnection), "who makes users logs in"
    return KafkaUsers(directory / PASSWORDS, login)
