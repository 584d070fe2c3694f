"""Kafka's jars are exactly those that are pinned, whatever lies in the repository or comes over the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from goodstanding.platform.servers import ServersError, jars

_RIGHT = b"the jar"
_WRONG = b"another jar"
_PATH = Path("org/example/thing/1.0/thing-1.0.jar")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Maven repository and an empty cache, with one jar pinned."""
    pins = tmp_path / "pins"
    pins.write_text(f"{hashlib.sha256(_RIGHT).hexdigest()}  {_PATH.as_posix()}\n")
    monkeypatch.setattr(jars, "PINS", pins)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "repository"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "repository"


def _network(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[jars.Pin]:
    """Let every download give this content; returns the list of what was downloaded."""
    downloads: list[jars.Pin] = []

    def download(staging: Path, pin: jars.Pin) -> Path:
        downloads.append(pin)
        fetched = staging / pin.path.name
        fetched.write_bytes(content)
        return fetched

    monkeypatch.setattr(jars, "_download", download)
    return downloads


def _keep(repository: Path, content: bytes) -> Path:
    jar = repository / _PATH
    jar.parent.mkdir(parents=True)
    jar.write_bytes(content)
    return jar


def test_what_is_there_and_right_is_not_fetched(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = _keep(repository, _RIGHT)
    downloads = _network(monkeypatch, _RIGHT)
    assert jars.class_path() == [jar]
    assert downloads == []


@pytest.mark.parametrize("lies_there", [None, _WRONG, _RIGHT[:3], b""])
def test_what_is_missing_or_damaged_is_fetched(
    repository: Path, monkeypatch: pytest.MonkeyPatch, lies_there: bytes | None
) -> None:
    if lies_there is not None:
        _keep(repository, lies_there)
    downloads = _network(monkeypatch, _RIGHT)
    (jar,) = jars.class_path()
    assert jar.read_bytes() == _RIGHT
    assert len(downloads) == 1
    assert sorted(path for path in repository.rglob("*") if path.is_file()) == [jar]


def test_a_wrong_download_is_refused_and_not_kept(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _network(monkeypatch, _WRONG)
    with pytest.raises(ServersError, match=r"thing-1\.0\.jar is not the jar"):
        jars.class_path()
    assert [path for path in repository.rglob("*") if path.is_file()] == []


def test_what_was_verified_is_read_again_only_after_a_change(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = _keep(repository, _RIGHT)
    hashed: list[Path] = []
    sha256 = jars._sha256

    def observed(path: Path) -> str:
        hashed.append(path)
        return sha256(path)

    monkeypatch.setattr(jars, "_sha256", observed)
    jars.class_path()
    jars.class_path()
    assert hashed == [jar]
    jar.touch()
    jars.class_path()
    assert hashed == [jar, jar]


def test_the_committed_pins_are_sorted_and_name_both_artifacts() -> None:
    pins = jars.read_pins()
    assert [pin.path for pin in pins] == sorted(pin.path for pin in pins)
    names = {pin.path.name for pin in pins}
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar", "log4j-slf4j-impl-2.25.4.jar"} <= names
