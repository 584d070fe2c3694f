"""Certificates that the deployment's own authority gives: whom a client believes, and when they are renewed."""

from __future__ import annotations

import asyncio
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodstanding.platform import certificates


def _issue(directory: Path, *names: str, lasts: timedelta = certificates.SERVER_LASTS) -> Path:
    certificates.ensure_authority(directory)
    file = directory / "server.pem"
    certificates.ensure_certificate(directory, file, names, common_name="broker", lasts=lasts)
    return file


async def _connect(server_file: Path, ca: Path, name: str) -> None:
    """Raises ssl.SSLError when a client would not believe the server."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(server_file)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=serving)
    async with server:
        port = server.sockets[0].getsockname()[1]
        context = ssl.create_default_context(cafile=ca)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        writer.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_server_is_believed_under_its_names(tmp_path: Path, name: str) -> None:
    await _connect(_issue(tmp_path, "localhost", "127.0.0.1"), tmp_path / "ca.pem", name)


async def test_a_server_is_not_believed_under_another_name(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        await _connect(_issue(tmp_path, "localhost"), tmp_path / "ca.pem", "kafka")


async def test_a_server_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    certificates.ensure_authority(ours)
    with pytest.raises(ssl.SSLCertVerificationError):
        await _connect(_issue(theirs, "localhost"), ours / "ca.pem", "localhost")


def test_a_certificate_is_kept_until_it_is_about_to_end(tmp_path: Path) -> None:
    file = _issue(tmp_path, "localhost")
    before = file.read_bytes()
    assert _issue(tmp_path, "localhost").read_bytes() == before
    file.unlink()
    short = _issue(tmp_path, "localhost", lasts=timedelta(days=30)).read_bytes()
    assert certificates.expires(file) < datetime.now(UTC) + timedelta(days=31)
    assert _issue(tmp_path, "localhost").read_bytes() != short


def test_private_keys_are_for_their_owner_in_the_form_that_kafka_reads(tmp_path: Path) -> None:
    file = _issue(tmp_path, "localhost")
    assert file.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ca.key", "server.pem")] == [0o600, 0o600]
