"""Every way to log in to Kafka, on one broker that offers all: passwords, tokens, and certificates on both sides.

Who somebody is shows in what Kafka lets it see: the topics of that principal, and no others.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from goodstanding.platform import certificates
from goodstanding.platform.kafka_users import KafkaUsers
from goodstanding.platform.servers import Servers
from goodstanding.platform.servers.kafka_security import KafkaSecurity
from goodstanding.platform.servers.ports import free_ports
from shared.contracts.topics import (
    PROCESSES,
    RECORDS_HELD,
    SCORES_CHANGED,
    SCORES_EXPLAINED,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    TIERS_CHANGED,
    TIME_TOPIC,
    dead_letter_topic,
)
from shared.kafka import clients
from shared.kafka.connection import KafkaConnection
from shared.kafka.topic_admin import administrator, ensure_topics

PORTAL = {
    *(SUBJECT_REQUESTS, SUBJECT_ANSWERS, TIERS_CHANGED, SCORES_EXPLAINED, RECORDS_HELD),
    # As every service does, it asks for the time.
    TIME_TOPIC,
    # It sets aside what it cannot read, and its desk shows what each process has set aside.
    *(dead_letter_topic(process) for process in PROCESSES),
}
SUBSCRIBER = {SCORES_CHANGED, TIERS_CHANGED}
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


@dataclass(frozen=True, slots=True)
class Ways:
    users: KafkaUsers
    security: Path
    mutual: str
    """The address at which a client shows a certificate."""

    @property
    def password(self) -> KafkaConnection:
        return self.users.administrator


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    (port,) = free_ports(1)
    secured = KafkaSecurity.settings

    def with_all(self: KafkaSecurity, **places: str) -> dict[str, Any]:
        settings = secured(self, **places)
        listener = f"MUTUAL://127.0.0.1:{port}"
        return settings | {
            "listeners": f"{settings['listeners']},{listener}",
            "advertised.listeners": f"{settings['advertised.listeners']},{listener}",
            "listener.security.protocol.map": f"{settings['listener.security.protocol.map']},MUTUAL:SSL",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^.*CN=([a-zA-Z0-9.-]+).*$/$1/,DEFAULT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN,OAUTHBEARER",
            "listener.name.secure.plain.sasl.jaas.config": f'{_PLAIN} required user_portal="of the directory";',
            "listener.name.secure.oauthbearer.sasl.jaas.config": f"{_OAUTH} required;",
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaSecurity, "settings", with_all)
        with Servers.ephemeral(secured=True) as servers:
            login = servers.addresses.login
            assert isinstance(login, KafkaConnection)
            users = KafkaUsers(tmp_path_factory.mktemp("users"), login)
            asyncio.run(_prepare(users))
            yield Ways(users, servers.home / "kafka" / "security", f"127.0.0.1:{port}")


async def _prepare(users: KafkaUsers) -> None:
    await ensure_topics(users.administrator, [])
    await users.ensure([], ["subscriber"])


async def _sees(kafka: KafkaConnection) -> set[str]:
    async with administrator(kafka) as admin:
        return set(await admin.list_topics())


async def _refused(kafka: KafkaConnection) -> str | None:
    with pytest.raises(KafkaConnectionError):
        await _sees(kafka)
    return clients.refusal(kafka)


async def test_a_password_that_is_sent_as_it_is(ways: Ways, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("of the directory\n")
    kafka = replace(ways.password, sasl_mechanism="PLAIN", user="portal", password_file=file)
    assert await _sees(kafka) == PORTAL
    file.write_text("another\n")
    assert await _refused(kafka) == "Kafka refuses the password of portal"


async def test_a_token_that_somebody_renews(ways: Ways, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(_token("subscriber", lasts_s=600))
    kafka = replace(ways.password, sasl_mechanism="OAUTHBEARER", user="", password_file=None, token_file=file)
    assert await _sees(kafka) == SUBSCRIBER
    file.write_text(_token("subscriber", lasts_s=-600))
    assert await _refused(kafka) == "Kafka refuses the token of this client"


def _token(user: str, *, lasts_s: int) -> str:
    """One that a broker without a key to check it with believes, as brokers for tests do."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": user, "iat": now - 900, "exp": now + lasts_s})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


async def test_a_certificate_on_both_sides(ways: Ways, tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    certificates.ensure_certificate(ways.security, own, ["localhost"], common_name="subscriber")
    kafka = KafkaConnection(ways.mutual, "SSL", ca_file=ways.security / "ca.pem", certificate_file=own, key_file=own)
    assert await _sees(kafka) == SUBSCRIBER


async def test_a_certificate_of_another_authority_is_not_believed(ways: Ways, tmp_path: Path) -> None:
    certificates.ensure_authority(tmp_path)
    forged = tmp_path / "forged.pem"
    certificates.ensure_certificate(tmp_path, forged, ["localhost"], common_name="subscriber")
    kafka = KafkaConnection(
        ways.mutual, "SSL", ca_file=ways.security / "ca.pem", certificate_file=forged, key_file=forged
    )
    await _refused(kafka)


async def test_a_mechanism_that_is_not_offered(ways: Ways) -> None:
    kafka = replace(ways.password, sasl_mechanism="SCRAM-SHA-256")
    assert await _refused(kafka) == "Kafka does not offer SCRAM-SHA-256"


async def test_somebody_without_a_name_sees_nothing(ways: Ways) -> None:
    await _refused(KafkaConnection(ways.password.bootstrap, "SSL", ca_file=ways.password.ca_file))
    await _refused(KafkaConnection(ways.mutual, "SSL", ca_file=ways.password.ca_file))
