"""Which Postgres the local stack takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.platform.servers import postgres_programs
from goodstanding.platform.servers.errors import ServersError


def install(directory: Path, release: str) -> Path:
    directory.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {release}'\n")
        program.chmod(0o755)
    return directory


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(postgres_programs.VARIABLE, raising=False)


def test_the_wheel_comes_before_debians(tmp_path: Path) -> None:
    install(tmp_path / "17" / "bin", "17.2")
    assert postgres_programs.wheel() is not None
    assert postgres_programs.others(tmp_path) is None


def test_without_the_wheel_debians_newest_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "wheel", lambda: None)
    assert postgres_programs.others(tmp_path) is None
    install(tmp_path / "9" / "bin", "9.6")
    install(tmp_path / "14" / "bin", "14.1")
    assert postgres_programs.others(tmp_path) is None
    for release in ("15", "17"):
        install(tmp_path / release / "bin", f"{release}.1")
    (tmp_path / "18").mkdir()  # what an uninstalled one leaves
    assert postgres_programs.others(tmp_path) == tmp_path / "17" / "bin"


def test_what_is_named_comes_before_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = install(tmp_path / "mine", "16.4 (Debian 16.4-1)")
    monkeypatch.setenv(postgres_programs.VARIABLE, str(programs))
    assert postgres_programs.others(tmp_path) == programs
    assert postgres_programs.major(programs) == 16


@pytest.mark.parametrize(
    ("release", "sentence"),
    [(None, "has no program initdb and no postgres"), ("14.9", "15 or newer"), ("?", "no Postgres")],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str | None, sentence: str
) -> None:
    if release:
        install(tmp_path / "mine", release)
    monkeypatch.setenv(postgres_programs.VARIABLE, str(tmp_path / "mine"))
    with pytest.raises(ServersError, match=sentence):
        postgres_programs.others(tmp_path)


@pytest.mark.parametrize(("release", "builtin"), [("15.9", False), ("16.1", False), ("17.0", True), ("18.1", True)])
def test_an_older_one_is_told_nothing_that_it_does_not_know(tmp_path: Path, release: str, builtin: bool) -> None:
    told = postgres_programs.locale(install(tmp_path / "bin", release))
    assert bool(told) == builtin
