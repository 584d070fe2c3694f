"""Certificates that the deployment's own authority gives: whom a client believes, and when they are renewed."""

from __future__ import annotations

import asyncio
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodstanding.errors import UserError
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


async def test_another_authority_takes_over_without_a_moment_in_which_a_client_believes_nobody(tmp_path: Path) -> None:
    """Whoever has the new ca.pem believes servers that have renewed their certificate, and those that have not."""
    before = _issue(tmp_path, "localhost").rename(tmp_path / "before.pem")
    first = tmp_path / "first.pem"
    first.write_bytes((tmp_path / "ca.pem").read_bytes())
    certificates.change_authority(tmp_path, "announce")
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "ca.pem").read_bytes())
    announced = _issue(tmp_path, "localhost")
    for ca in (first, both):
        await _connect(announced, ca, "localhost")
    certificates.change_authority(tmp_path, "use")
    assert (tmp_path / "ca.pem").read_bytes() == both.read_bytes()
    used = _issue(tmp_path, "localhost")
    for server in (before, used):
        await _connect(server, both, "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        await _connect(used, first, "localhost")
    certificates.change_authority(tmp_path, "forget")
    await _connect(used, tmp_path / "ca.pem", "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        await _connect(before, tmp_path / "ca.pem", "localhost")


@pytest.mark.parametrize(
    ("taken", "step", "says"),
    [
        ([], "use", "No other authority was announced"),
        (["announce"], "forget", "not used yet"),
        (["announce", "use", "forget"], "use", "No other authority was announced"),
    ],
)
def test_a_step_to_another_authority_is_not_taken_before_its_turn(
    tmp_path: Path, taken: list[certificates.Step], step: certificates.Step, says: str
) -> None:
    certificates.ensure_authority(tmp_path)
    for each in taken:
        certificates.change_authority(tmp_path, each)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match=says):
        certificates.change_authority(tmp_path, step)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_step_to_another_authority_that_was_taken_changes_nothing_any_more(tmp_path: Path) -> None:
    steps: list[certificates.Step] = ["announce", "use", "forget"]
    for step in steps:
        certificates.change_authority(tmp_path, step)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        certificates.change_authority(tmp_path, step)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_authority_whose_announcement_was_interrupted_is_announced_anew(tmp_path: Path) -> None:
    certificates.ensure_authority(tmp_path)
    (tmp_path / "next.key").write_text("of a certificate that nobody has")
    with pytest.raises(UserError, match="No other authority was announced"):
        certificates.change_authority(tmp_path, "use")
    certificates.change_authority(tmp_path, "announce")
    certificates.change_authority(tmp_path, "use")
    assert _issue(tmp_path, "localhost").exists()


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
