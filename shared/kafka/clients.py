"""The one place that makes clients of Kafka. Whoever needs a consumer, a producer or an administrator asks here.

The client library takes a password and a TLS context when a client is made, and keeps them for good. Here each new
connection of a client reads the files that its `KafkaConnection` names, so that a renewed secret needs no restart; and
why a connection was refused is kept in words, since the library only logs it.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache, partial
from pathlib import Path
from types import MethodType
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from shared.kafka.connection import Kafka, KafkaConnection, connection_of
from shared.kafka.library import with_names

C = TypeVar("C", bound="Consumer")

_refusals: dict[KafkaConnection, str] = {}


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # the library has no types
    """The library's, which can be stopped at any time."""

    async def stop(self) -> None:
        """Leave the group and close. The library's own ends with a CancelledError while a fetch waits to be repeated,
        as during a broker's failover, or with the error of a task that has failed, and leaves its connections open."""
        try:
            await super().stop()
        except asyncio.CancelledError:
            await self._client.close()
            if is_cancelled():
                raise
        except KafkaError:
            # One of its tasks had ended with it before, and it was in the log then.
            await self._client.close()


def is_cancelled() -> bool:
    """Whether somebody wants the running task to end. If not, a CancelledError has leaked from the library, and looks
    the same."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def consumer(kafka: Kafka, **options: Any) -> Consumer:
    """A consumer, not started. `options` are the library's."""
    return consumer_of(Consumer, kafka, **options)


def consumer_of(kind: type[C], kafka: Kafka, *topics: str, **options: Any) -> C:
    made: C = kind(*topics, **{**options, **_options(kafka)})
    _read_anew(made._client, kafka)
    return made


def producer(kafka: Kafka, **options: Any) -> AIOKafkaProducer:
    """A producer, not started. `options` are the library's."""
    made = AIOKafkaProducer(**options, **_options(kafka))
    _read_anew(made.client, kafka)
    return made


def admin(kafka: Kafka, **options: Any) -> AIOKafkaAdminClient:
    """A client that asks for and changes topics, not started. `options` are the library's."""
    made = AIOKafkaAdminClient(**options, **_options(kafka))
    _read_anew(made._client, kafka)
    return made


def refusal(kafka: Kafka) -> str | None:
    """Why the newest connection that a client tried to make was refused, in a sentence; None when it was not.

    A broker that is away does not refuse.
    """
    return _refusals.get(connection_of(kafka))


def refusals() -> list[str]:
    """Why connections of this process were refused, as `refusal`."""
    return sorted(set(_refusals.values()))


async def knock(kafka: Kafka) -> None:
    """Make one connection to the first address that answers, log in, and close it again, so that `refusal` is of this
    moment.

    Raises OSError or KafkaError when none can be made.
    """
    connection = connection_of(kafka)
    addresses = connection.bootstrap.split(",")
    for address in addresses:
        try:
            await _knock_at(connection, address)
        except (OSError, KafkaError):
            if address == addresses[-1]:
                raise
        else:
            return


async def _knock_at(connection: KafkaConnection, address: str) -> None:
    host, _, port = address.strip().rpartition(":")
    made = await _connect(connection, host, int(port), security_protocol=connection.security_protocol)
    made.close()


def _options(kafka: Kafka) -> dict[str, Any]:
    connection = connection_of(kafka)
    return {
        "bootstrap_servers": connection.bootstrap,
        "security_protocol": connection.security_protocol,
        **_login(connection),
    }


def _login(connection: KafkaConnection) -> dict[str, Any]:
    """What the library wants to know of certificates and secrets, as the files have it now. Raises OSError."""
    login: dict[str, Any] = {}
    if connection.uses_tls:
        files = (connection.ca_file, connection.certificate_file, connection.key_file)
        login["ssl_context"] = _context(*files, tuple(path.stat().st_mtime_ns for path in files if path))
    if connection.uses_sasl:
        login["sasl_mechanism"] = connection.sasl_mechanism
        if connection.sasl_mechanism == "OAUTHBEARER":
            assert connection.token_file is not None, "checked when the connection was made"
            login["sasl_oauth_token_provider"] = _TokenFile(connection.token_file)
        else:
            assert connection.password_file is not None, "checked when the connection was made"
            login["sasl_plain_username"] = connection.user
            login["sasl_plain_password"] = connection.password_file.read_text().rstrip("\r\n")
    return login


@lru_cache(maxsize=8)
def _context(ca: Path | None, certificate: Path | None, key: Path | None, _changed: tuple[int, ...]) -> ssl.SSLContext:
    """Checks the broker's certificate and its host name. It takes milliseconds to make, so each state of the files has
    one."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class _TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # the library has no types
    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        return self._path.read_text().strip()


class _HeedsRefusal(OAuthAuthenticator):  # type: ignore[misc]  # the library has no types
    """A broker refuses a token in an answer that looks like any other (RFC 7628, 3.2.3). The library takes it for
    consent, and the connection it then uses answers nothing that can be read. Acknowledged, it ends with an error."""

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if self._token_sent and payload:
            return b"\x01", True
        found: tuple[bytes, bool] | None = await super().step(payload)
        return found


class _Connection(AIOKafkaConnection):  # type: ignore[misc]  # the library has no types
    def authenticator_oauth(self) -> OAuthAuthenticator:
        return _HeedsRefusal(sasl_oauth_token_provider=self._sasl_oauth_token_provider)


_create_conn = with_names(create_conn, AIOKafkaConnection=_Connection)


def _read_anew(client: AIOKafkaClient, kafka: Kafka) -> None:
    connection = connection_of(kafka)
    if connection.uses_tls or connection.uses_sasl:
        connect = partial(_connect, connection)
        for name in ("bootstrap", "_get_conn"):
            function = with_names(getattr(AIOKafkaClient, name), create_conn=connect)
            setattr(client, name, MethodType(function, client))


async def _connect(connection: KafkaConnection, *address: Any, **options: Any) -> Any:
    try:
        made = await _create_conn(*address, **{**options, **_login(connection)})
    except Exception as error:
        if (sentence := _refused(connection, address[0], error)) is not None:
            _refusals[connection] = sentence
        raise
    _refusals.pop(connection, None)
    return made


def _refused(connection: KafkaConnection, host: str, error: Exception) -> str | None:
    """Pure: why the connection was refused, if the reason is who one side is (its login, its certificate); None if it
    is another one, such as a broker that is away."""
    match error:
        case SaslAuthenticationFailed():
            secret = "token" if connection.sasl_mechanism == "OAUTHBEARER" else "password"
            return f"Kafka refuses the {secret} of {connection.user or 'this client'}"
        case UnsupportedSaslMechanismError():
            return f"Kafka does not offer {connection.sasl_mechanism}"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} cannot be trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {host}: {error.reason}"
        case FileNotFoundError() | PermissionError():
            return f"a secret cannot be read: {error.filename}"
    return None
