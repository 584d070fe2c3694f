"""Which files of a directory are partners, and what is said of one that cannot be: the same in every place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goodstanding.partner import mapping_files as mappings
from goodstanding.platform import deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from services.ingest.loading import load_partners
from shared.contracts.published.__main__ import main
from shared.partner_files import partner_files, partner_names
from shared.toml_file import ConfigError
from tests.support.ingest.shipped import DEPLOYMENT

NATIVE = 'format = "native"\n[rights]\nkinds = ["water.bill"]\n'
MISNAMED = [
    "bank (copy).toml",
    "Bank.toml",
    "my_bank.toml",
    "1bank.toml",
    "bank.v2.toml",
    "银行.toml",
    f"{'b' * 41}.toml",
]
HIDDEN = [".#bank.toml", "._bank.toml", ".toml"]


def _listed(directory: Path) -> list[str]:
    return partner_names(directory)


def _loaded(directory: Path) -> list[str]:
    return sorted(load_partners(directory, DEPLOYMENT))


def _of_the_command_line(directory: Path) -> list[str]:
    return deployment.partners()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    (tmp_path / "partners").mkdir()
    (tmp_path / "partners" / "bank.toml").write_text(NATIVE)
    return tmp_path / "partners"


PLACES = [_listed, _loaded, _of_the_command_line]


@pytest.mark.parametrize("names", PLACES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_files_are_passed_over(directory: Path, hidden: str, names: Callable[[Path], list[str]]) -> None:
    (directory / hidden).write_text("half a file")
    assert names(directory) == ["bank"]


@pytest.mark.parametrize("names", PLACES)
@pytest.mark.parametrize("misnamed", MISNAMED)
def test_a_misnamed_file_is_a_sentence(directory: Path, misnamed: str, names: Callable[[Path], list[str]]) -> None:
    (directory / misnamed).write_text(NATIVE)
    with pytest.raises(ConfigError, match=r"Rename the file") as caught:
        names(directory)
    assert caught.value.file == directory / misnamed


@pytest.mark.parametrize("names", PLACES)
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_a_sentence(
    directory: Path, make: Callable[[Path], None], names: Callable[[Path], list[str]]
) -> None:
    make(directory / "other.toml")
    with pytest.raises(ConfigError, match=r"other\.toml:1: It is a directory, a pipe or a device"):
        names(directory)


def test_the_tool_that_creates_topics_says_it_too(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "bank (copy).toml").write_text(NATIVE)
    assert main(["topics", "--bootstrap", "localhost:1", "--partners-dir", str(directory)]) == 1
    assert "Rename the file" in capsys.readouterr().err


def test_nothing_is_started_beside_a_misnamed_file(directory: Path, tmp_path: Path) -> None:
    (directory / "bank (copy).toml").write_text(NATIVE)
    said: list[str] = []
    with pytest.raises(ConfigError, match="Rename the file"):
        Stack(tmp_path / "home").up(said.append, FixedSettings.new())
    assert said == []


def test_a_misnamed_file_does_not_pass_as_a_policy(directory: Path) -> None:
    (directory / "bank (copy).toml").write_text(NATIVE)
    with pytest.raises(ConfigError, match="Rename the file"):
        mappings.compiled_file(directory / "bank (copy).toml", FixedSettings.new())


def test_files_come_in_the_order_of_their_names(directory: Path) -> None:
    for name in ("tram", "city"):
        (directory / f"{name}.toml").write_text(NATIVE)
    assert partner_files(directory) == [directory / f"{name}.toml" for name in ("bank", "city", "tram")]
