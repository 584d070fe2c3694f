"""Mappings that change while ingest works: what comes into force, what does not, and which mapping judged an event."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.ingest.reloading import PartnerFiles
from services.ingest.settings import IngestSettings
from shared.contracts.topics import NORMALIZED
from shared.runner.service import Answer, DeadLetter, Forward
from shared.settings import ROOT
from shared.toml_file import ConfigError, content_name
from tests.support.ingest.raw_events import PERSON, RawEvent
from tests.support.ingest.shipped import ARRIVED, KEY, record

_MAPPING = """format = "csv"
columns = ["id", "at", "who", "what", "sum"]
id = "id"
time = "at"
subject = "who"
kind = "what"

[[events]]
kinds = { trip = "ride.trip" }
days_late = { fixed = 0 }
amount = { path = "sum", unit = "major", currency = "CNY" }
"""
_FRAMED = _MAPPING.replace('"csv"', '"json"\nregistry = true\nenvelope = "none"').replace(
    'columns = ["id", "at", "who", "what", "sum"]', ""
)
_OTHER = _MAPPING.replace("{ trip =", "{ tour =")
_AT = (ARRIVED - timedelta(minutes=1)).isoformat()


@pytest.fixture
def settings(tmp_path: Path) -> IngestSettings:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    # Files are named alike wherever an operator keeps them.
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "rides.toml").write_text(_MAPPING)
    return IngestSettings(
        kafka="", key=SecretStr(KEY.hex()), policies=tmp_path / "policies", partners=tmp_path / "mappings"
    )


def _write(settings: IngestSettings, name: str, text: str) -> Path:
    """As an editor saves a file: never of the same instant as the one before."""
    file = settings.partners / f"{name}.toml"
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(before + 10**9,) * 2)
    return file


async def _looked(files: PartnerFiles, times: int = 2) -> PartnerFiles:
    for _ in range(times):
        await files.look()
    return files


def _mode(files: PartnerFiles) -> Forward:
    """What a shard would judge its next batch by."""
    newest = files.service.mode.newest
    assert newest is not None
    return newest()


def _answer(mode: Forward, partner: str, what: str) -> Mapping[str, str]:
    """The headers of the one message that an event leads to, with its topic."""
    found = mode.answer(record(RawEvent(partner, f"e-1,{_AT},{PERSON},{what},12.50".encode())), ARRIVED)
    assert isinstance(found, Answer)
    [outgoing] = found.outgoing
    return {"topic": outgoing.topic, **{name: (value or b"").decode() for name, value in outgoing.headers}}


async def test_a_changed_and_a_new_mapping_come_into_force(settings: IngestSettings) -> None:
    files = PartnerFiles.load(settings)
    before = _mode(files)
    assert _answer(before, "rides", "trip")["topic"] == NORMALIZED
    assert isinstance(before.answer(record(RawEvent("trams", b"x")), ARRIVED), DeadLetter)
    rides, trams = _write(settings, "rides", _OTHER), _write(settings, "trams", _MAPPING)
    after = _mode(await _looked(files))
    refused = _answer(after, "rides", "trip")
    assert (refused["ce_code"], refused["ce_mapping"]) == ("unknown-kind", f"rides@{content_name(rides)}")
    assert _answer(after, "rides", "tour")["topic"] == _answer(after, "trams", "trip")["topic"] == NORMALIZED
    assert files.in_force["partners/trams.toml"] == content_name(trams)
    assert files.faults == ()
    # Whoever has begun a batch by the mapping before goes on with it.
    assert _answer(before, "rides", "trip")["topic"] == NORMALIZED


async def test_what_somebody_may_still_be_writing_is_not_read(settings: IngestSettings) -> None:
    files = PartnerFiles.load(settings)
    _write(settings, "rides", _OTHER)
    assert _answer(_mode(await _looked(files, 1)), "rides", "trip")["topic"] == NORMALIZED
    _write(settings, "rides", f"{_OTHER}\n")
    assert _answer(_mode(await _looked(files, 1)), "rides", "trip")["topic"] == NORMALIZED
    assert _answer(_mode(await _looked(files, 1)), "rides", "tour")["topic"] == NORMALIZED


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rides", _MAPPING.replace("ride.trip", "ride.tripp"), "rides.toml:9: events[0].kinds.trip: "),
        ("rides", "format =", "The file is not TOML"),
        ("rides", _MAPPING.replace('kind = "what"', 'kind = "what"\nkindd = "what"'), "kindd"),
        ("trams", "", "format"),
        ("Trams 2", _MAPPING, "lower-case letters"),
        ("trams", _FRAMED, "no schema registry"),
    ],
)  # fmt: skip
async def test_a_file_with_a_fault_changes_nothing_and_is_named(
    settings: IngestSettings, name: str, text: str, words: str
) -> None:
    files = PartnerFiles.load(settings)
    in_force = files.in_force
    file = _write(settings, name, text)
    mode = _mode(await _looked(files))
    [sentence] = files.faults
    assert str(file) in sentence
    assert words in sentence
    assert sentence.endswith("in force.")
    assert files.in_force == in_force
    assert _answer(mode, "rides", "trip")["topic"] == NORMALIZED
    await _looked(files)
    assert files.faults == (sentence,)
    # One file's fault keeps no other from coming into force, and goes with it.
    _write(settings, "ferry", _MAPPING)
    assert _answer(_mode(await _looked(files)), "ferry", "trip")["topic"] == NORMALIZED
    assert files.faults == (sentence,)
    _write(settings, name, _OTHER)
    await _looked(files)
    assert files.faults == (() if name != "Trams 2" else files.faults)


async def test_a_file_that_is_gone_stays_in_force(settings: IngestSettings) -> None:
    """An editor may be about to put another in its place."""
    files = PartnerFiles.load(settings)
    (settings.partners / "rides.toml").unlink()
    assert _answer(_mode(await _looked(files)), "rides", "trip")["topic"] == NORMALIZED
    assert ["rides.toml is gone" in sentence for sentence in files.faults] == [True]
    _write(settings, "rides", _OTHER)
    assert _answer(_mode(await _looked(files)), "rides", "tour")["topic"] == NORMALIZED
    assert files.faults == ()


async def test_rates_come_into_force_for_every_mapping(settings: IngestSettings) -> None:
    _write(settings, "rides", _MAPPING.replace('"CNY"', '"AED"'))
    files = PartnerFiles.load(settings)
    assert _answer(_mode(files), "rides", "trip")["ce_code"] == "no-rate"
    rates = settings.policies / "rates.csv"
    text = rates.read_text()
    rates.write_text(f"{text}a line that is none\n")
    assert _answer(_mode(await _looked(files)), "rides", "trip")["ce_code"] == "no-rate"
    assert ["The rates before it stay in force." in sentence for sentence in files.faults] == [True]
    await _looked(files)
    assert len(files.faults) == 1
    line = text.rstrip("\n").rpartition("\n")[2].split(",")
    month = f"{ARRIVED:%Y-%m}"
    rates.write_text(f"{text}{','.join([month, 'AED', *line[2:]])}\n")
    assert _answer(_mode(await _looked(files)), "rides", "trip").get("ce_code") is None, files.faults
    assert files.faults == ()


async def test_a_faulty_file_keeps_a_process_from_starting(settings: IngestSettings) -> None:
    _write(settings, "trams", "format =")
    with pytest.raises(ConfigError):
        PartnerFiles.load(settings)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
async def test_what_is_no_file_stops_no_look(settings: IngestSettings, make: Callable[[Path], None]) -> None:
    """Whoever opens a pipe waits until somebody writes into it."""
    files = PartnerFiles.load(settings)
    make(settings.partners / "trams.toml")
    _write(settings, "ferry", _MAPPING)
    assert _answer(_mode(await _looked(files)), "ferry", "trip")["topic"] == NORMALIZED
    [sentence] = files.faults
    assert sentence.endswith("Move it out of the partners' directory. It is not in force.")
    with pytest.raises(ConfigError, match="It is a directory, a pipe or a device"):
        PartnerFiles.load(settings)
