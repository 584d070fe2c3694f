"""Secrets as files: each reader gets its own and no other's, and what was made once stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from goodstanding.platform.fixed_settings import STATEFUL, read_settings
from goodstanding.platform.secret_files import write_secret_files

READERS = ("operator", "postgres", "ingest", *STATEFUL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for reader in READERS:
        (tmp_path / reader).mkdir()
    return tmp_path


def contents(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_reader_finds_its_own_secret_and_nobody_elses(place: Path) -> None:
    assert write_secret_files(place, "postgres:5432")
    settings = read_settings(place / "operator" / "services")
    assert settings is not None
    assert (place / "ingest" / "goodstanding_key").read_text() == settings.key
    assert (place / "retention" / "goodstanding_fingerprint_key").read_text() == settings.fingerprint_key
    for service in STATEFUL:
        line = f"postgres:5432:*:{service}:{settings.passwords[service]}\n"
        assert (place / service / "pgpass").read_text() == line
        others = [each for name, each in settings.passwords.items() if name != service]
        assert not any(each.encode() in text for each in others for text in contents(place / service).values())
    administrator = (place / "postgres" / "password").read_text()
    assert f"postgres:5432:*:postgres:{administrator}\n" in (place / "operator" / "pgpass").read_text()


def test_only_postgres_own_copy_can_be_read_by_another_user(place: Path) -> None:
    write_secret_files(place, "postgres:5432")
    modes = {name: (place / name).stat().st_mode & 0o777 for name in contents(place)}
    assert modes.pop("postgres/password") == 0o444
    assert set(modes.values()) == {0o600}


def test_a_second_start_keeps_everything(place: Path) -> None:
    write_secret_files(place, "postgres:5432")
    before = contents(place)
    assert not write_secret_files(place, "postgres:5432")
    assert contents(place) == before


@pytest.mark.parametrize("lost", [reader for reader in READERS if reader != "operator"])
def test_a_directory_that_was_lost_gets_the_same_again(place: Path, lost: str) -> None:
    write_secret_files(place, "postgres:5432")
    before = contents(place)
    shutil.rmtree(place / lost)
    (place / lost).mkdir()
    write_secret_files(place, "postgres:5432")
    assert contents(place) == before
