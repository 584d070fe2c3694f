"""`partner validate` without any server, and how a file becomes records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from goodstanding.errors import UserError
from goodstanding.partner.event_file import lines_of
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.rehearsal import Rehearsal, validate
from goodstanding.partner.samples import Setting, samples
from goodstanding.partner.verdicts import Result, Verdict
from goodstanding.platform.deployment import partners
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.identity import sample_account

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SETTINGS = FixedSettings.new()


def written(directory: Path, *lines: bytes) -> Path:
    file = directory / "events.jsonl"
    file.write_bytes(b"\n".join(lines))
    return file


def sample_lines(partner: str, count: int) -> list[bytes]:
    setting = Setting("CNY", ZoneInfo("Asia/Shanghai"), NOW)
    return [event.value for event in islice(samples(partner, mapping_of(partner), setting), count)]


@pytest.mark.parametrize("partner", partners())
def test_samples_of_every_partner_fit(tmp_path: Path, partner: str) -> None:
    file = written(tmp_path, *sample_lines(partner, 40))
    assert [v for v in validate(partner, lines_of(file), SETTINGS, NOW) if v.result != "accepted"] == []


def test_each_line_has_its_own_verdict(tmp_path: Path) -> None:
    good = sample_lines("bank", 1)[0]
    future = good.replace(b'"time":"2026', b'"time":"2027')
    file = written(tmp_path, good, b"", b"{not json", good.replace(b'"data":{', b'"data":{"sex":1,'), future, b"")
    verdicts = list(validate("bank", lines_of(file), SETTINGS, NOW))
    assert [(v.line, v.result, v.code, v.field) for v in verdicts] == [
        (1, "accepted", "", ""),
        (3, "refused", "json-syntax", ""),
        (4, "refused", "demographic", "data.sex"),
        (5, "refused", "in-future", "time"),
    ]
    assert all(v.sentence.endswith(".") for v in verdicts if v.result == "refused")


def test_what_is_in_the_future_depends_on_now(tmp_path: Path) -> None:
    lines = lines_of(written(tmp_path, *sample_lines("bank", 1)))
    (verdict,) = validate("bank", lines, SETTINGS, NOW - timedelta(days=60))
    assert verdict.code == "in-future"


def test_what_is_too_late_is_known_without_a_server(tmp_path: Path) -> None:
    lines = lines_of(written(tmp_path, *sample_lines("bank", 1)))
    (verdict,) = validate("bank", lines, SETTINGS, NOW + timedelta(days=200))
    assert (verdict.result, verdict.code) == ("refused", "too-late")


def test_a_settlement_is_known_to_wait_until_the_report_of_its_record_has_come(tmp_path: Path) -> None:
    row = {"ts": 1774861200000, "svc": "gas", "since": "20260301", "acct": sample_account(1), "dossier": "D-1"}
    closed = {**row, "msg_id": "M-1", "evt": "arrears_closed", "until": "20260309"}
    opened = {**row, "msg_id": "M-2", "evt": "arrears_opened", "amt": 9_000, "unit": "fen"}
    rehearsal = Rehearsal("utility", SETTINGS, NOW)
    for event, waiting in ((closed, (1,)), (opened, ())):
        line = lines_of(written(tmp_path, json.dumps(event).encode()))[0]
        number = 1 if event is closed else 2
        [verdict] = rehearsal.answer(rehearsal.read([replace(line, number=number)]))
        assert (verdict.result, rehearsal.waiting()) == (Result.ACCEPTED, waiting)


def test_what_the_rules_fail_on_is_set_aside_without_a_word_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ArithmeticError("GS000000000195")

    monkeypatch.setattr("services.ingest.service.normalize", fails)
    (verdict,) = validate("bank", lines_of(written(tmp_path, b"{}")), SETTINGS, NOW)
    assert verdict == Verdict(1, Result.SET_ASIDE, "undecidable", "", "The rules failed with ArithmeticError.")


@pytest.mark.parametrize("partner", partners())
def test_a_file_as_spreadsheets_and_editors_save_it(tmp_path: Path, partner: str) -> None:
    """With a byte order mark, line ends of two characters, and empty lines at its end."""
    good = sample_lines(partner, 3)
    file = written(tmp_path, b"\xef\xbb\xbf" + good[0] + b"\r", good[1] + b"\r", good[2] + b"\r", b"\r", b"", b" ")
    lines = lines_of(file)
    assert [line.number for line in lines] == [1, 2, 3]
    assert [v.result for v in validate(partner, lines, SETTINGS, NOW)] == [Result.ACCEPTED] * 3


def test_a_named_key_is_the_records_key(tmp_path: Path) -> None:
    good = sample_lines("bank", 1)[0]
    keyed = good.replace(b'"specversion"', b'"partitionkey":"k1","specversion"', 1)
    lines = lines_of(written(tmp_path, good, keyed, b"not json"))
    assert [line.key for line in lines] == [None, b"k1", None]
    # The same event again, whatever its key.
    assert [v.result for v in validate("bank", lines, SETTINGS, NOW)] == ["accepted", "repeated", "refused"]


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"a":' * 100_000, b'{"partitionkey":"k","a":' + b"[" * 100_000])
def test_a_line_that_is_nested_without_end_is_refused(tmp_path: Path, line: bytes) -> None:
    (verdict,) = validate("bank", lines_of(written(tmp_path, line)), SETTINGS, NOW)
    assert (verdict.result, verdict.code) == ("refused", "too-large")
    (verdict,) = validate("bank", lines_of(written(tmp_path, line[:50_000])), SETTINGS, NOW)
    assert (verdict.result, verdict.code) == ("refused", "json-nesting")


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000, "."])
def test_a_name_that_is_no_file_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        lines_of(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_events_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match="has no events"):
        lines_of(written(tmp_path, content))


def test_a_missing_file_and_an_unknown_partner_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.jsonl cannot be read"):
        lines_of(tmp_path / "nowhere.jsonl")
    with pytest.raises(UserError, match=r"no partner nobody\. Say one of: bank, "):
        mapping_of("nobody")
