"""Each event comes to the shelf of its month, or has its answer, and a file is known by what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from goodstanding.errors import UserError
from goodstanding.loading.pieces import Piece, messages
from goodstanding.loading.shelf import Refused, Shelf, Shelved, open_shelf
from goodstanding.loading.sorting import Days, Sorter
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.crosswalk import entry_key
from shared.contracts.identity import sample_account, user_id
from shared.contracts.months import month_of_name
from shared.contracts.partition import partition_of
from shared.kafka.crosswalk import Crosswalk
from shared.settings import ROOT

NOW = datetime(2026, 6, 15, tzinfo=UTC)
SETTINGS = FixedSettings.new(key="01" * 32)
TRIP = {
    "rider": sample_account(1),
    "ride_id": "",
    "ended_at": "",
    "rideable_type": "classic_bike",
    "member_casual": "member",
}
JANUARY, FEBRUARY = month_of_name("2026-01"), month_of_name("2026-02")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path / "shelf") as made:
        yield made


def fare(number: int, time: str, **data: Any) -> bytes:
    body = {"kind": "transit.fare", "amount": 200, "days_late": 0, **data}
    head = {"specversion": "1.0", "id": f"f-{number}x", "source": "https://city.example", "time": time}
    type = "goodstanding.behavior.normalized.v1"
    return json.dumps({**head, "type": type, "subject": sample_account(number % 3), "data": body}).encode()


def sorter(partner: str = "city", days: Days = Days()) -> Sorter:  # noqa: B008  # frozen
    return Sorter(partner, SETTINGS, NOW, days)


def put(shelf: Shelf, file: Path, content: bytes, **about: Any) -> int:
    file.write_bytes(content)
    return sorter(**about).put(file, file.name, shelf, file.parent).id


def numbers(shelf: Shelf, month: int) -> list[int]:
    return sorted(piece.number for _, _, pieces in shelf.groups(month) for piece in pieces)


def test_events_come_to_the_months_of_their_zone(shelf: Shelf, tmp_path: Path) -> None:
    # In Shanghai the second one is of February.
    lines = [fare(1, "2026-02-10T00:00:00Z"), fare(2, "2026-01-31T16:00:00Z"), fare(3, "2026-01-31T15:59:59Z"), b"{}"]
    id = put(shelf, tmp_path / "events", b"\n".join(lines))
    assert dict(shelf.waiting()) == {JANUARY: 1, FEBRUARY: 2}
    assert (numbers(shelf, JANUARY), numbers(shelf, FEBRUARY)) == ([3], [1, 2])
    [refused] = shelf.refusals(id)
    assert (refused.number, refused.code) == (4, "envelope-data")


def test_days_that_were_not_asked_for_are_counted(shelf: Shelf, tmp_path: Path) -> None:
    lines = [fare(n, f"2026-02-0{n}T12:00:00+08:00") for n in range(1, 6)]
    days = Days(date(2026, 2, 2), date(2026, 2, 4))
    put(shelf, tmp_path / "events", b"\n".join(lines), days=days)
    assert numbers(shelf, FEBRUARY) == [2, 3]
    assert [(file.events, file.outside) for file in shelf.files()] == [(5, 3)]


def test_a_person_stays_in_one_shard_in_the_order_of_the_file(shelf: Shelf, tmp_path: Path) -> None:
    put(shelf, tmp_path / "events", b"\n".join(fare(n, "2026-02-10T00:00:00Z") for n in range(9)))
    groups = [[piece.number for piece in pieces] for _, _, pieces in shelf.groups(FEBRUARY)]
    assert all(group == sorted(group) for group in groups)
    assert sorted(number for group in groups for number in group) == list(range(1, 10))
    assert len(groups) <= 3


def test_a_row_that_is_wrong_takes_no_other_one_with_it(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "partners").mkdir()
    shutil.copy(ROOT / "docs" / "examples" / "partners" / "bike-share.toml", tmp_path / "partners")
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    monkeypatch.setenv("GOODSTANDING_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    head = ",".join(TRIP)
    rows = [
        ",".join({**TRIP, "ride_id": f"R{n}", "ended_at": f"2026-0{month}-05 09:00:00"}.values())
        for n, month in enumerate((1, 2, 1, 2))
    ]
    table = [head, rows[0], rows[1], rows[2].replace("R2", '"R"2'), rows[3], "R9,what,is,this"]
    id = put(shelf, tmp_path / "trips.csv", "\n".join(table).encode(), partner="bike-share")
    assert (numbers(shelf, JANUARY), numbers(shelf, FEBRUARY)) == ([2], [3, 5])
    assert [(each.number, each.code) for each in shelf.refusals(id)] == [(4, "csv-line"), (6, "csv-line")]
    [(_, _, pieces)] = shelf.groups(JANUARY)
    [line] = messages(mapping_of("bike-share"), shelf.files()[0].head, pieces)
    assert line.value.decode() == f"{head}\n{rows[0]}\n"


def test_a_file_is_known_by_its_content(shelf: Shelf, tmp_path: Path) -> None:
    content = fare(1, "2026-02-10T00:00:00Z")
    first = put(shelf, tmp_path / "events", content)
    assert put(shelf, tmp_path / "copy", content) == first
    assert [file.name for file in shelf.files()] == ["events"]
    # Read for other days it is read again, and what waits of it is replaced.
    put(shelf, tmp_path / "events", content, days=Days(since=date(2026, 3, 1)))
    assert dict(shelf.waiting()) == {}
    assert put(shelf, tmp_path / "events", content + b"\n" + fare(2, "2026-02-10T00:00:00Z")) != first


def test_of_a_file_that_was_not_read_to_its_end_nothing_is_sent(shelf: Shelf) -> None:
    id = shelf.begin("city", b"digest", b"mapping", "events", b"")
    shelf.put(id, [Shelved(JANUARY, 0, Piece(1, b"{}"))], [Refused(2, "x", "", "No.")])
    assert (shelf.first_month(), dict(shelf.waiting()), shelf.files()) == (None, {}, [])
    again = shelf.begin("city", b"digest", b"mapping", "events", b"")
    shelf.put(again, [Shelved(JANUARY, 0, Piece(1, b"{}"))], [])
    shelf.end(again, 1, 0, 0)
    assert (shelf.first_month(), shelf.refused(again)) == (JANUARY, 0)


def test_what_is_taken_leaves_the_shelf_and_its_refusals_stay(tmp_path: Path) -> None:
    at = TopicPartition("behavior.rejected.city", 0)
    with open_shelf(tmp_path) as shelf:
        id = shelf.begin("city", b"digest", b"mapping", "events", b"")
        shelf.put(id, [Shelved(JANUARY, 0, Piece(1, b"{}")), Shelved(FEBRUARY, 0, Piece(2, b"{}"))], [])
        shelf.end(id, 2, 0, 0)
        shelf.taken(JANUARY, {id: [Refused(1, "conflict", "ce_id", "No.")]}, {at: 7})
        shelf.taken(FEBRUARY, {}, {at: 7})
    with open_shelf(tmp_path) as shelf:
        # How far the clock is to be led is known when nothing waits any more.
        assert (shelf.first_month(), shelf.last_month(), shelf.heard()) == (None, FEBRUARY, {at: 7})
        # What is sent again because its sender was killed is refused again, and told once.
        shelf.hear({id: [Refused(1, "conflict", "ce_id", "No.")]}, {at: 8})
        assert (shelf.refused(id), shelf.heard()) == (1, {at: 8})


def test_a_file_without_events_is_a_sentence(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no events"):
        put(shelf, tmp_path / "events", b"\n\n")


def test_the_shelf_is_for_the_operator_alone(tmp_path: Path) -> None:
    with open_shelf(tmp_path / "loading"):
        assert (tmp_path / "loading").stat().st_mode & 0o077 == 0


PAYMENTS = """\
format = "csv"
header = true
id = { function = "digest", paths = ["who", "day", "sum"] }
time = { path = "day", as = "date", at = "noon" }
zone = "Asia/Shanghai"
subject = "who"
kind = { fixed = "event" }
[[events]]
kinds = { event = "service.payment" }
amount = { path = "sum", unit = "major", currency = "CNY" }
"""


@pytest.fixture
def payments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A partner whose rows have no id."""
    (tmp_path / "partners").mkdir()
    (tmp_path / "partners" / "bank.toml").write_text(PAYMENTS)
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    return "bank"


def test_two_equal_payments_go_in_one_message_wherever_they_stand(shelf: Shelf, tmp_path: Path, payments: str) -> None:
    """In two messages they would be one event, and a payment would be lost."""
    person = sample_account(1)
    # The second one of the two would be the first event of the second message.
    rows = [f"{person},2026-01-05,{sum}.00\n" for sum in (*range(10, 1_009), 7, *range(1_010, 2_510), 7)]
    table = ("who,day,sum\n" + "".join(rows)).encode()
    put(shelf, tmp_path / "table", table, partner=payments)
    mapping, [(_, _, found)] = mapping_of(payments), shelf.groups(JANUARY)
    lines = list(messages(mapping, b"who,day,sum\n", found))
    assert [line.numbers[:3] for line in lines if 1_001 in line.numbers] == [(1_001, 2_502, 1_002)]
    assert sorted(number for line in lines for number in line.numbers) == list(range(2, 2_503))
    assert [line.value.count(b",7.00\n") for line in lines] == [0, 2, 0]


def test_more_equal_payments_than_a_message_may_have_are_told(shelf: Shelf, tmp_path: Path, payments: str) -> None:
    table = "who,day,sum\n" + f"{sample_account(1)},2026-01-05,7.00\n" * 1_001
    with pytest.raises(UserError, match="Line 2 of table and 1000 further ones are one event"):
        put(shelf, tmp_path / "table", table.encode(), partner=payments)


def told(*numbers: str) -> Crosswalk:
    crosswalk = Crosswalk(bytes.fromhex(SETTINGS.key))
    for number in numbers:
        user = user_id(bytes.fromhex(SETTINGS.key), "account", sample_account(1)).encode()
        key = entry_key(bytes.fromhex(SETTINGS.key), "bank", number)
        crosswalk.take([SimpleNamespace(key=key, value=user, timestamp=0, topic="crosswalk.bank")])
    return crosswalk


def test_a_customer_who_was_not_told_is_refused_before_anything_is_sent(
    shelf: Shelf, tmp_path: Path, payments: str
) -> None:
    path = tmp_path / "partners" / "bank.toml"
    path.write_text(PAYMENTS.replace("zone =", "crosswalk = true\nzone ="))
    file = tmp_path / "table"
    file.write_text("who,day,sum\nC-1,2026-01-05,7.00\nC-2,2026-01-05,8.00\n")

    def refusals(crosswalk: Crosswalk) -> list[str]:
        found = Sorter(payments, SETTINGS, NOW, Days(), crosswalk).put(file, file.name, shelf, tmp_path)
        return [f"{each.number} {each.code}" for each in shelf.refusals(found.id)]

    assert refusals(told("C-1")) == ["3 unknown-customer"]
    assert refusals(told("C-1")) == ["3 unknown-customer"]
    shelf.taken(JANUARY, {}, {})
    assert refusals(told("C-1", "C-2")) == []
    assert numbers(shelf, JANUARY) == [3], "what was sent already is not sent again"
    [(_, shard, _)] = shelf.groups(JANUARY)
    assert shard == partition_of(user_id(bytes.fromhex(SETTINGS.key), "account", sample_account(1)))
