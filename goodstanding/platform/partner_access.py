"""What a new partner needs on Kafka (topics, a user, rights), and the files that tell it to the partner."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from goodstanding.platform import acl_plan
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.kafka_users import KafkaUsers, users_of
from goodstanding.platform.private_file import write_private
from shared.contracts.rights import partner_principal, rights
from shared.contracts.topics import disputes_topic, raw_topic, rejected_topic
from shared.kafka import acls
from shared.kafka.acls import Held
from shared.kafka.connection import Kafka, KafkaConnection, bootstrap_of
from shared.layout import PARTITIONS, PARTITIONS_VARIABLE, PREFIX, PREFIX_VARIABLE

_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class Access:
    """What the partner is told. `user` is None where Kafka asks nobody who they are."""

    bootstrap: str
    writes: str
    reads: tuple[str, ...]
    user: str | None
    password: str | None
    """None where it is not kept here, since users are made elsewhere."""
    ca: bytes | None
    created: tuple[str, ...]
    """The topics that had to be made."""

    @property
    def groups(self) -> str | None:
        """How the names of the partner's consumer groups begin."""
        return f"{self.user}." if self.user else None


async def give_access(
    deployment: Deployment, partner: str, replication_factor: int | None = None, *, renew: bool
) -> Access:
    """Have the partner's topics, user and rights; everything that is there already stays, the password too unless it is
    to be renewed. Raises KafkaError; run again, it goes on."""
    login = deployment.addresses.login
    report = await deployment.ensure_topics(replication_factor)
    access = Access(
        bootstrap_of(login),
        raw_topic(partner),
        (rejected_topic(partner), disputes_topic(partner)),
        *(None, None, None),
        tuple(name for name in report.created if name.endswith(f".{partner}")),
    )
    if not isinstance(login, KafkaConnection) or not login.uses_sasl:
        return access
    user = partner_principal(partner)
    password = await _user(users_of(deployment.directory, login), user, renew=renew)
    wanted = [right for right in rights(partners()) if right.principal == user]
    held = await acls.held(login)
    ours = Held(frozenset(right for right in held.rights if right.principal == user), ())
    await acl_plan.apply(login, acl_plan.compare(ours, wanted, [user]))
    ca = login.ca_file.read_bytes() if login.ca_file else None
    return replace(access, user=user, password=password, ca=ca)


async def _user(users: KafkaUsers, user: str, *, renew: bool) -> str | None:
    if not users.administrator.sasl_mechanism.startswith("SCRAM"):
        return None
    if renew:
        await users.renew(user)
    else:
        await acls.set_passwords(users.administrator, [(user, users.password(user))])
    return users.password(user)


def files(access: Access, kafka: Kafka) -> Mapping[str, str]:
    """Pure: the files for the partner, by their names."""
    found: dict[str, str] = {}
    if access.password and isinstance(kafka, KafkaConnection):
        found["password"] = access.password
        settings = {
            "bootstrap.servers": access.bootstrap,
            "security.protocol": kafka.security_protocol,
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.jaas.config": f'{_LOGIN} required username="{access.user}" password="{access.password}";',
        }
        if access.ca:
            found["ca.pem"] = access.ca.decode()
            settings |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": "ca.pem"}
        found["client.properties"] = _lines(settings)
        theirs = replace(
            kafka,
            bootstrap=access.bootstrap,
            user=access.user or "",
            password_file=Path("password"),
            ca_file=Path("ca.pem") if access.ca else None,
        )
        layout = {**({PREFIX_VARIABLE: PREFIX} if PREFIX else {}), PARTITIONS_VARIABLE: str(PARTITIONS)}
        found["environment"] = _lines({**theirs.environment(), **layout})
    return found


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def write_tar(to: BinaryIO, directory: str, contents: Mapping[str, str]) -> None:
    """The files in a directory of that name, for whoever has no directory in common with this program."""
    with tarfile.open(fileobj=to, mode="w|") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{directory}/{name}")
            member.size, member.mode = len(content.encode()), 0o600
            tar.addfile(member, io.BytesIO(content.encode()))


def write(directory: Path, contents: Mapping[str, str]) -> None:
    """Only whoever runs this can read them."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in contents.items():
        write_private(directory / name, content.encode())
