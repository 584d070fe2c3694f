"""`partner new`: a first mapping from a sample, without anybody to ask, and what cannot be told from it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goodstanding.cli import partner
from goodstanding.errors import UserError
from goodstanding.partner import proposals
from goodstanding.partner.sample_file import sample_of
from goodstanding.partner.sending import Sent
from goodstanding.partner.verdicts import Result, Verdict
from shared.contracts.identity import sample_account
from shared.settings import ROOT
from tests.support.command_line import ask

DAY = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"
TRIPS = (
    "rider,ride_id,rideable_type,started_at,ended_at,station,fare\n"
    f"{sample_account(1)},A1,electric_bike,{DAY} 08:00:00.125,{DAY} 08:21:09.721,Demo St,2.50\n"
    f"{sample_account(1)},A2,classic_bike,{DAY} 18:00:00,{DAY} 18:21:09,,3.00\n"
)
BANK = (
    "Kunde;Buchungstag;Buchungstext;Verwendungszweck;Betrag\n"
    f"{sample_account(1)};03.11.2025;KARTENZAHLUNG;Einkauf für 2;-1.190,00\n"
    f"{sample_account(1)};13.11.2025;GUTSCHRIFT;Lohn;2.000,00\n"
)
MOVES = [
    {"moveId": 7, "occurredAt": "1782900000000", "ref": sample_account(1), "type": "paid", "sum": -3.5, "tags": [1]},
    {"moveId": 8, "occurredAt": "1782900001000", "ref": sample_account(2), "type": "paid", "sum": -4, "tags": []},
]
TRAM = ("--time", "ended_at", "--zone", "America/New_York", "--kind", "rideable_type")
KINDS = ("--map", "electric_bike=e_bike_rental.return", "--map", "classic_bike=bike_rental.return")
FARE = ("--amount", "fare", "--unit", "major", "--currency", "CNY", "--number", "1234.50")


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of one's own for partners, with the shipped policies."""
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    (tmp_path / "partners").mkdir()
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    monkeypatch.setenv("GOODSTANDING_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    return tmp_path


def written(house: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((house / "partners" / f"{name}.toml").read_text())


def sample(house: Path, content: str | bytes) -> str:
    file = house / "sample"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def test_a_table_with_local_times(house: Path) -> None:
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE)
    assert found.exit_code == 0, found.stderr
    assert "Of the sample: 2 accepted." in found.stdout
    mapping = written(house, "tram")
    assert mapping["header"] is True
    assert mapping["time"] == {"path": "ended_at", "pattern": "yyyy-MM-dd HH:mm:ss[.SSSSSS]"}
    assert mapping["subject"] == "rider"
    assert mapping["id"] == "ride_id"
    assert mapping["ignore"] == ["started_at", "station"]


def test_a_bank_whose_rows_have_no_id(house: Path) -> None:
    options = ("--id", "Buchungstag+Betrag+Verwendungszweck", "--at", "noon", "--zone", "Europe/Berlin")
    codes = ("--kind", "Buchungstext", "--map", "KARTENZAHLUNG=service.payment", "--map", "GUTSCHRIFT=skip")
    money = ("--amount", "Betrag", "--unit", "major", "--currency", "CNY", "--number", "1.234,50")
    found = ask("partner", "new", "bank", sample(house, BANK.encode("windows-1252")), *options, *codes, *money)
    assert found.exit_code == 0, found.stderr
    assert "Of the sample: 1 refused, 1 skipped." in found.stdout
    assert "line 2: too-late at Buchungstag" in found.stdout
    mapping = written(house, "bank")
    assert (mapping["delimiter"], mapping["encoding"]) == (";", "windows-1252")
    assert mapping["id"] == {"function": "digest", "paths": ["Buchungstag", "Betrag", "Verwendungszweck"]}
    assert mapping["time"] == {"path": "Buchungstag", "pattern": "dd.MM.yyyy", "at": "noon"}
    assert mapping["number"] == {"decimal": ",", "thousands": "."}
    assert mapping["events"][0]["amount"]["sign"] == "negative"
    assert mapping["skip"] == ["GUTSCHRIFT"]


def test_an_array_with_numbers_as_ids_and_milliseconds_as_text(house: Path) -> None:
    options = ("--kind", "-", "--map", "*=service.payment", "--amount", "sum", "--unit", "major", "--currency", "CNY")
    found = ask("partner", "new", "moves", sample(house, json.dumps(MOVES)), *options)
    assert found.exit_code == 0, found.stderr
    mapping = written(house, "moves")
    assert mapping["list"] == "."
    assert mapping["id"] == {"path": "moveId", "type": "number"}
    assert mapping["time"] == {"path": "occurredAt", "as": "epoch-millis", "type": "text"}
    assert mapping["ignore"] == ["type", "tags.*"]
    assert mapping["events"][0]["amount"]["sign"] == "negative"


def test_a_field_that_has_currencies_is_proposed(house: Path) -> None:
    moves = [{**move, "ccy": code} for move, code in zip(MOVES, ("EUR", "USD"), strict=True)]
    options = ("--kind", "-", "--map", "*=service.payment", "--amount", "sum", "--unit", "major")
    found = ask("partner", "new", "moves", sample(house, json.dumps(moves)), *options)
    assert found.exit_code == 0, found.stderr
    mapping = written(house, "moves")
    assert mapping["events"][0]["amount"]["currency_path"] == "ccy"
    assert "ccy" not in mapping["ignore"]


def test_one_currency_is_not_said_of_amounts_that_have_their_own(house: Path) -> None:
    moves = [{**move, "ccy": "EUR"} for move in MOVES]
    options = ("--kind", "-", "--map", "*=service.payment", "--amount", "sum", "--unit", "major", "--currency", "EUR")
    found = ask("partner", "new", "moves", sample(house, json.dumps(moves)), *options)
    assert found.exit_code == 1
    told = " ".join(found.stderr.split())
    assert "ccy looks like the currency of each event: other amounts would count as EUR." in told
    assert "--currency takes a field too: --currency ccy. " in told
    assert not (house / "partners" / "moves.toml").exists()
    found = ask("partner", "new", "moves", sample(house, json.dumps(moves)), *options, "--other-currency", "ccy")
    assert found.exit_code == 0, found.stderr
    mapping = written(house, "moves")
    assert mapping["events"][0]["amount"]["currency"] == "EUR"
    assert "ccy" in mapping["ignore"]


def test_a_code_that_the_sample_does_not_have_is_mapped_all_the_same(house: Path) -> None:
    more = ("--map", "tandem=donation.made", "--map", "docked_bike=skip")
    negative = TRIPS.replace("2.50", "-2.50").replace("3.00", "-3.00")
    found = ask("partner", "new", "tram", sample(house, negative), *TRAM, *KINDS, *more, *FARE)
    assert found.exit_code == 0, found.stderr
    assert "No event of the sample has the code tandem or docked_bike. The mapping has what --map says" in found.stdout
    mapping = written(house, "tram")
    assert mapping["events"][2]["kinds"] == {"tandem": "donation.made"}
    assert mapping["events"][2]["amount"]["sign"] == "negative", "as that of the other events"
    assert mapping["skip"] == ["docked_bike"]
    file = sample(house, f"{negative}{sample_account(1)},A3,tandem,{DAY} 18:00:00,{DAY} 18:21:09,,-3.00\n")
    assert "3 accepted." in ask("partner", "validate", "tram", file).stdout


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("-", "No event can have the code tandem. Name the field that has it with --kind."),
        ("station+fare", "No event can have the code tandem. Say one of: station, fare."),
    ],
)
def test_a_code_that_no_event_can_have_is_told(house: Path, kind: str, said: str) -> None:
    options = (*TRAM[:-1], kind, "--map", "tandem=service.payment", "--map", "*=service.payment", *FARE)
    found = ask("partner", "new", "tram", sample(house, TRIPS), *options)
    assert (found.exit_code, said in " ".join(found.stderr.split())) == (1, True), found.stderr


def test_a_letter_between_digits_is_no_sign_of_a_currency(house: Path) -> None:
    rows = TRIPS.replace("2.50", "-2.50").replace("3.00", "1.2E+05")
    file = sample(house, f"{rows}{sample_account(1)},A3,classic_bike,{DAY} 18:00:00,{DAY} 18:21:09,,-3.00\n")
    found = ask("partner", "new", "tram", file, *TRAM, *KINDS[:2], "--map", "*=e_bike_rental.return", *FARE)
    assert "is positive" not in found.stdout
    assert "line 3: fare is no number that is written as 1234.50. The mapping refuses it." in found.stdout
    assert "Of the sample: 2 accepted, 1 refused." in found.stdout
    assert "number" not in written(house, "tram")


def test_how_many_people_the_sample_names(house: Path) -> None:
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE)
    assert "The person: rider has one value in the sample." in found.stdout
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE, "--force", "--json")
    assert json.loads(found.stdout)["people"] == 1


def test_one_column_for_debits_and_one_for_credits(house: Path) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=2):%m/%d/%Y}"
    rows = [f"{sample_account(1)},{day},power,{cells}" for cells in ("$50.00,", ',"$1,500.00"', '"$1,200.00",')]
    table = "\n".join(["Member,Date,Text,Out,In", *rows, ""])
    options = ("--id", "Date+Text+Out+In", "--form", "MM/dd/yyyy", "--at", "noon", "--kind", "Out+In")
    money = ("--zone", "America/New_York", "--amount", "Out+In", "--unit", "major", "--currency", "USD")
    mapped = ("--map", "Out=service.payment", "--map", "In=skip")
    found = ask("partner", "new", "union", sample(house, table), *options, *money, *mapped)
    assert found.exit_code == 0, found.stderr
    assert "Of the sample: 2 accepted, 1 skipped." in found.stdout, found.stdout
    mapping = written(house, "union")
    assert mapping["kind"] == {"filled": ["Out", "In"]}
    assert mapping["events"][0]["amount"] == {"path": "Out", "unit": "major", "currency": "USD"}
    both = ("--map", "Out=service.payment", "--map", "In=donation.made", "--force")
    assert ask("partner", "new", "union", sample(house, table), *options, *money, *both).exit_code == 0
    assert [block["amount"]["path"] for block in written(house, "union")["events"]] == ["Out", "In"]


RECENT = [f"{datetime.now(UTC) - timedelta(days=back):%d.%m.%Y}" for back in range(9)]
LOANS = "Kunde,Nr,Art,Fällig am,Bezahlt am,Betrag\n" + "".join(
    f"{sample_account(n)},R{n},Rate,{RECENT[5]},{RECENT[n]},{100 + n}.00\n" for n in range(1, 5)
)
LOAN = ("--id", "Nr", "--at", "noon", "--zone", "Europe/Berlin", "--kind", "-", "--map", "*=cash_loan.repayment")
EURO = ("--amount", "Betrag", "--unit", "major", "--currency", "CNY")
DUE = ("--time", "Bezahlt am", "--due", "Fällig am")


def test_one_slip_in_the_sample_hides_no_field(house: Path) -> None:
    slip = f"{sample_account(1)},A3,classic_bike,{DAY} 18:00:00,yesterday,,3.00\n"
    found = ask("partner", "new", "tram", sample(house, TRIPS + slip), *KINDS, *FARE, "--kind", "rideable_type")
    assert found.exit_code == 1
    assert "The sample fits: started_at, ended_at (but for line 4)." in " ".join(found.stderr.split())
    found = ask("partner", "new", "tram", sample(house, TRIPS + slip), *TRAM, *KINDS, *FARE)
    assert "Taken from the sample: --id ride_id --form 'yyyy-MM-dd HH:mm:ss[.SSSSSS]' --person rider" in found.stdout
    assert "line 4: time-format at ended_at" in found.stdout, found.stdout
    assert "Of the sample: 2 accepted, 1 refused." in found.stdout


def test_a_day_that_the_calendar_does_not_have_hides_no_due_day(house: Path) -> None:
    slip = f"{sample_account(5)},R5,Rate,31.11.2026,{RECENT[1]},100.00\n"
    found = ask("partner", "new", "loans", sample(house, LOANS + slip), *LOAN, *EURO, "--time", "Bezahlt am")
    assert (found.exit_code, "There are days in: Fällig am. Say it with --due." in found.stderr) == (1, True)
    found = ask("partner", "new", "loans", sample(house, LOANS), *LOAN, *EURO)
    assert "The sample fits: Fällig am, Bezahlt am." in " ".join(found.stderr.split())


def test_days_late_are_counted_from_the_day_due_to_the_day_cleared(house: Path) -> None:
    found = ask("partner", "new", "loans", sample(house, LOANS), *LOAN, *EURO, *DUE)
    assert "Of the sample: 4 accepted." in found.stdout, found.stdout + found.stderr
    mapping = written(house, "loans")
    form = "dd.MM.yyyy"
    assert mapping["events"][0]["days_late"] == {
        "due": {"path": "Fällig am", "pattern": form},
        "cleared": {"path": "Bezahlt am", "pattern": form},
    }
    assert "ignore" in mapping
    assert mapping["ignore"] == ["Art"]


def test_a_day_that_is_not_there_yet_is_told_with_what_to_do(house: Path) -> None:
    unpaid = f"{sample_account(5)},R5,Rate,{RECENT[1]},,100.00\n"
    options = (*LOAN[:-4], "--kind", "Art", "--map", "Rate=cash_loan.repayment", *EURO, *DUE)
    found = ask("partner", "new", "loans", sample(house, LOANS + unpaid), *options)
    assert "line 6: there is no Bezahlt am. The mapping refuses it." in found.stdout, found.stdout + found.stderr
    file = house / "partners" / "loans.toml"
    text = file.read_text().replace('kind = "Art"', 'kind = ["Art", "Bezahlt am"]\nskip = ["Rate/"]')
    file.write_text(text.replace('"Rate" =', '"Rate/*" ='))
    found = ask("partner", "validate", "loans", sample(house, LOANS + unpaid))
    assert "5 events checked: 4 accepted, 1 skipped." in found.stdout, found.stdout


def test_a_day_is_missed_only_where_the_kind_reads_it(house: Path) -> None:
    rows = "".join(f"{sample_account(n)},S{n},{art},,{RECENT[n]},5.00\n" for n, art in ((1, "Strom"), (2, "Alt")))
    mapped = ("--map", "Rate=cash_loan.repayment", "--map", "Strom=service.payment", "--map", "Alt=skip")
    found = ask(
        "partner", "new", "loans", sample(house, LOANS + rows), *LOAN[:-4], "--kind", "Art", *mapped, *EURO, *DUE
    )
    assert "Of the sample: 5 accepted, 1 skipped." in found.stdout, found.stdout + found.stderr
    assert "there is no" not in found.stdout


@pytest.mark.parametrize(
    ("late", "said"),
    [
        ("Fällig am", "has no numbers of days, but days. If it is the day it was due: --due 'Fällig am'"),
        ("Art", "Art has no numbers of days. Name another field"),
        ("Faellig", "no field Faellig"),
    ],
)
def test_days_late_are_numbers(house: Path, late: str, said: str) -> None:
    options = (*LOAN, *EURO, "--time", "Bezahlt am", "--late", late)
    found = ask("partner", "new", "loans", sample(house, LOANS), *options)
    assert (found.exit_code, said in " ".join(found.stderr.split())) == (1, True), found.stderr


def test_a_number_of_days_late_is_not_taken_or_left_by_a_guess(house: Path) -> None:
    events = [{**move, "occurredAt": RECENT[1], "daysLate": "3"} for move in MOVES]
    content = "\n".join(map(json.dumps, events))
    options = ("--at", "noon", "--zone", "Europe/Berlin", "--kind", "-", "--map", "*=cash_loan.repayment")
    money = ("--amount", "sum", "--unit", "major", "--currency", "CNY")
    found = ask("partner", "new", "moves", sample(house, content), *options, *money)
    assert "The sample has: daysLate. Say it with --late." in " ".join(found.stderr.split())
    found = ask("partner", "new", "moves", sample(house, content), *options, *money, "--late", "daysLate")
    assert "Of the sample: 2 accepted." in found.stdout, found.stdout + found.stderr
    assert written(house, "moves")["events"][0]["days_late"] == {"path": "daysLate", "type": "text"}


def test_what_a_slip_has_made_of_the_mapping_is_told(house: Path) -> None:
    day = f"{DAY} 09:00:00"
    rows = [
        f"{sample_account(1)},B{n},electric_bike,{day},{day},Demo St,{fare}"
        for n, fare in enumerate(["1", "-100.00", "$4.00", "2"])
    ]
    content = "\n".join([*TRIPS.splitlines(), *rows, f"{sample_account(1)},B9,electric_bike,{day},{day}", ""])
    found = ask("partner", "new", "tram", sample(house, content), *TRAM, *KINDS, *FARE, "--late", "-")
    told = " ".join(found.stdout.split())
    assert "line 8: there are not as many cells as columns. The mapping takes that, by `ragged = true`" in told
    assert "line 5: fare is negative, unlike in other events. The mapping refuses it." in told
    assert "line 6: fare has a sign of a currency, unlike most. The mapping takes that, by `symbol`" in told
    assert "line 5: out-of-bounds at fare" in told
    assert "sign" not in written(house, "tram")["events"][0]["amount"]
    found = ask("partner", "new", "tram", sample(house, content), *TRAM, *KINDS, *FARE, "--force", "--json")
    assert len(json.loads(found.stdout)["exceptions"]) == 4


def test_an_amount_that_may_be_absent_is_told(house: Path) -> None:
    options = ("--time", "ended_at", "--zone", "America/New_York", "--kind", "-", "--map", "*=bike_rental.return")
    found = ask("partner", "new", "tram", sample(house, TRIPS.replace("3.00", "")), *options, *FARE)
    assert found.exit_code == 0, found.stderr
    assert written(house, "tram")["events"][0]["amount"]["optional"] is True
    assert "line 3: there is no fare. The mapping takes that, by `optional = true`" in found.stdout


BATCH = {
    "batchId": 7,
    "sentAt": f"{DAY}T10:00:00Z",
    "data": {"events": [{**m, "occurredAt": f"{DAY}T09:00:00Z"} for m in MOVES]},
}
PAID = ("--kind", "-", "--map", "*=service.payment", "--unit", "major", "--currency", "CNY")


def test_a_list_in_an_object(house: Path) -> None:
    content = json.dumps(BATCH, indent=1)
    found = ask("partner", "new", "moves", sample(house, content), *PAID)
    assert (found.exit_code, "lists at: data.events. Say it with --list." in found.stderr) == (1, True), found.stderr
    found = ask(
        "partner", "new", "moves", sample(house, json.dumps(BATCH)), *PAID, "--list", "-", "--person", "data.events.ref"
    )
    assert "data.events is a list. If each member of it is an event: --list data.events" in found.stderr
    listed = ("--list", "data.events", "--time", "data.events.occurredAt", "--id", "data.events.moveId")
    found = ask("partner", "new", "moves", sample(house, content), *PAID, *listed, "--amount", "data.events.sum")
    assert "Of the sample: 2 accepted." in found.stdout, found.stdout + found.stderr
    mapping = written(house, "moves")
    assert (mapping["list"], mapping["subject"]) == ("data.events", "data.events.ref")
    assert mapping["ignore"] == ["batchId", "sentAt", "data.events.type", "data.events.tags.*"]
    found = ask("partner", "new", "moves", sample(house, content), *PAID, "--list", "events", "--force")
    assert "has no list of objects at events" in found.stderr


def test_people_named_by_own_numbers(house: Path) -> None:
    content = TRIPS.replace(sample_account(1), "C-100200")
    options = (*TRAM, *KINDS, *FARE, "--person", "rider", "--crosswalk")
    found = ask("partner", "new", "tram", sample(house, content), *options)
    assert "Of the sample: 2 accepted." in found.stdout, found.stdout + found.stderr
    assert written(house, "tram")["crosswalk"] is True


def test_what_is_shown_as_understood_is_what_is_accepted(house: Path) -> None:
    old = TRIPS.replace(f"{DAY} 18", "2024-03-01 18")
    assert ask("partner", "new", "tram", sample(house, old), *TRAM, *KINDS, *FARE).exit_code == 0
    found = ask("partner", "validate", "tram", sample(house, old), "--show")
    assert "too-late" in found.stdout
    assert "Months of the past are loaded by `goodstanding import`, before go-live" in found.stdout.splitlines()[-1]
    assert "e_bike_rental.return  1 in" in found.stdout
    assert "\nbike_rental.return  1 in" not in found.stdout
    assert "count" not in found.stdout.splitlines()[0], "no event has a count"


def test_the_crosswalk_command_says_what_its_file_is() -> None:
    told = " ".join(ask("partner", "crosswalk", "--help").stdout.replace("│", " ").split())
    assert "A CSV file of customer numbers and identifiers" in told
    assert "envelope" not in told


def test_a_star_is_every_other_code_as_in_the_mapping(house: Path) -> None:
    options = (*TRAM, *KINDS[:2], "--map", "*=bike_rental.return", *FARE)
    found = ask("partner", "new", "tram", sample(house, TRIPS), *options)
    assert "Of the sample: 2 accepted." in found.stdout, found.stdout + found.stderr
    kinds = [block["kinds"] for block in written(house, "tram")["events"]]
    assert kinds == [{"electric_bike": "e_bike_rental.return"}, {"*": "bike_rental.return"}]


def test_the_form_and_the_instant_are_asked_for_with_the_rest(house: Path) -> None:
    found = ask("partner", "new", "bank", sample(house, BANK.encode("windows-1252")))
    assert "--at." in found.stderr
    assert "--zone." in found.stderr
    assert "--kind." in found.stderr


def test_all_that_nobody_has_said_is_told_at_once(house: Path) -> None:
    found = ask("partner", "new", "tram", sample(house, TRIPS))
    assert found.exit_code == 1
    told = " ".join(found.stderr.split())
    assert [option in told for option in ("--time.", "--kind.", "--amount.", "--id.", "--person.")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_packed_export_with_lines_before_its_header(house: Path) -> None:
    options = ("--id", "Buchungstag+Betrag", "--at", "noon", "--zone", "Europe/Berlin", "--kind", "-")
    money = ("--map", "*=service.payment", "--amount", "Betrag", "--unit", "major", "--currency", "CNY")
    content = f"Girokonto;DE00\nZeitraum, gestern;\n\n{BANK}".encode("windows-1252")
    found = ask("partner", "new", "bank", sample(house, gzip.compress(content)), *options, *money)
    assert found.exit_code == 0, found.stderr
    assert "Of the sample: 2 refused." in found.stdout, found.stdout
    assert "line 6: too-late at Buchungstag" in found.stdout
    assert "line 5: Betrag is negative, unlike in other events. The mapping refuses it." in found.stdout
    mapping = written(house, "bank")
    assert (mapping["preamble"], mapping["delimiter"]) == (True, ";")
    assert mapping["ignore"] == ["Buchungstext", "Verwendungszweck"]


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (TRIPS, (), "Which field says when it happened? The sample fits: started_at, ended_at. Say it with --time."),
        (TRIPS, ("--time", "ended"), "no field ended. Say one of: ended_at"),
        (TRIPS, ("--time", "ended_at"), "In which time zone"),
        (TRIPS, ("--time", "ended_at", "--form", "DD.MM.YYYY"), "the day of the month is `dd`"),
        (TRIPS, ("--time", "ended_at", "--zone", "Europe/Atlantis"), "no such time zone"),
        (TRIPS, TRAM, "Which of our kinds is electric_bike?"),
        (TRIPS, (*TRAM, "--map", "electric_bike=bike_rental"), "The nearest: bike_rental.return"),
        (TRIPS, (*TRAM, *KINDS), "Which field is the amount?"),
        (TRIPS, (*TRAM, *KINDS, *FARE[:5], "EURO"), "no currency"),
        (BANK, ("--id", "Betrag", "--at", "dawn"), "dawn is not one of the answers"),
        (
            BANK.replace("13.11", "03.12").replace(".", "/"),
            ("--id", "Betrag"),
            "The sample fits: MM/dd/yyyy, dd/MM/yyyy",
        ),
        ("just text", (), "no table with a header line"),
        ('{"a": ', (), "is no JSON"),
        ('{"a": 1}\n\n{"a": ', (), "Line 3 is no JSON"),
        (
            "PK\x03\x04...",
            (),
            "is a spreadsheet or another archive, which no option of a mapping reads. Save it as CSV",
        ),
        ("<?xml?><a/>", (), "is XML, which no option of a mapping reads"),
        ("[1, 2]", (), "has no events"),
    ],
)
def test_what_the_sample_leaves_open_is_named(house: Path, content: str, options: tuple[str, ...], said: str) -> None:
    found = ask("partner", "new", "tram", sample(house, content), *options)
    assert found.exit_code == 1
    assert said in found.stderr, found.stderr
    assert not (house / "partners" / "tram.toml").exists()


def test_all_that_is_open_about_the_amount_is_named_at_once(house: Path) -> None:
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE[:2])
    assert found.exit_code == 1
    assert [word for word in ("--unit", "--currency", "--number") if word in found.stderr] == ["--unit", "--currency"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_sample_in_utf_16_is_read_as_that(house: Path, encoding: str) -> None:
    file = house / "sample.csv"
    file.write_bytes(TRIPS.encode(encoding))
    found = ask("partner", "new", "tram", str(file), *TRAM, *KINDS, *FARE)
    assert found.exit_code == 0, found.stderr
    assert written(house, "tram")["encoding"] == "utf-16"
    file.write_bytes('[{"id": "a"}]'.encode(encoding))
    found = ask("partner", "new", "other", str(file))
    assert (found.exit_code, "is written in UTF-16. Write it in UTF-8." in found.stderr) == (1, True), found.stderr


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("交易时间,金额,备注\n2026-11-04 09:30:00,88.00,生活缴费\n", "gb18030"),
        ("Zeit;Betrag;Empfänger\n04.11.2026;-1,00;Stadtwerke Köln, Straße\n", "windows-1252"),
        ("Zeit;Betrag;Empfänger\n04.11.2026;-1,00;ÄÖÜß\n04.11.2026;-1,00;Köln\n", "windows-1252"),
    ],
)
def test_the_encoding_of_a_sample_is_that_in_which_it_has_words(house: Path, content: str, encoding: str) -> None:
    found = sample_of(content.encode(encoding), "sample.csv")
    assert f'encoding = "{encoding}"' in found.head
    assert found.fields == content.splitlines()[0].replace(";", ",").split(",")


def test_cells_that_are_padded_are_read_without_the_blanks() -> None:
    found = sample_of(b"at ,id ,note\n2026-11-04 09:30 ,1\t,a\n2026-11-04 09:31 ,2\t, b\n", "sample.csv")
    assert "trim = true" in found.head
    assert found.rows[1] == {"at": "2026-11-04 09:31", "id": "2", "note": "b"}
    assert "trim = true" not in sample_of(b"at,note\n1,a\n2, b\n", "sample.csv").head


def test_columns_without_a_name_are_passed_over() -> None:
    found = sample_of(b"at,id,at,,\n2026-11-04,1,2026-11-05,,\n", "sample.csv")
    assert "ragged = true" not in found.head
    assert found.has_unnamed
    assert found.rows == [{"at": "2026-11-04", "id": "1", "at#2": "2026-11-05"}]
    assert found.uneven == []


def test_a_sample_with_a_quote_that_is_not_closed_is_told_of_its_line() -> None:
    with pytest.raises(UserError, match="a quote that opens on line 5 is not closed"):
        sample_of(b'at,id\n2026-11-04,1\n\n2026-11-04,2\n2026-11-05,"3\n2026-11-06,"4"\n', "sample.csv")


def test_a_name_that_no_partner_can_have_is_no_file_to_be_renamed(house: Path) -> None:
    found = ask("partner", "new", "My Bank", sample(house, TRIPS))
    assert found.exit_code == 1
    assert found.stderr.startswith("goodstanding: No partner can be called My Bank."), found.stderr


def test_a_mapping_that_is_there_is_not_written_over(house: Path) -> None:
    (house / "partners" / "tram.toml").write_text("mine")
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE)
    assert (found.exit_code, "is there already" in found.stderr) == (1, True)
    assert (house / "partners" / "tram.toml").read_text() == "mine"
    assert ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE, "--force").exit_code == 0


def test_what_a_record_needs_besides_is_left_to_be_said(house: Path) -> None:
    mapped = ("--map", "electric_bike=ride.unpaid", "--map", "classic_bike=skip")
    found = ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *mapped, *FARE)
    assert found.exit_code == 0, found.stderr
    assert "needs `report_id` and `status`" in found.stdout
    assert "The mapping is not whole yet" in found.stdout
    text = (house / "partners" / "tram.toml").read_text()
    assert '# report_id = "..."' in text
    uncommented = re.sub(r"^# (began_on|ended_on|report_id|status) = ", r"\1 = ", text, flags=re.MULTILINE)
    assert tomllib.loads(uncommented)["events"][0]["status"] == {"fixed": "reported"}
    assert 'records = ["life"]' in text


@pytest.mark.parametrize(
    ("texts", "likes"),
    [
        (["-61,50", "+2.100,00"], ["1.234,50"]),
        (["12.50", "3.00"], ["1234.50"]),
        (["$1,234.50", "$3.00"], ["1,234.50"]),
        (["12,50 €"], ["1234,50"]),
        (["1,234"], ["1,234.50", "1234,50"]),
        (["1 234,50 EUR", "3,00 EUR"], ["1 234,50"]),
        (["1'234.50"], ["1'234.50"]),
        (["much"], []),
    ],
)
def test_a_notation_is_proposed_only_where_there_is_one(texts: list[str], likes: list[str]) -> None:
    assert proposals.numbers_of(texts) == likes


def test_what_amounts_show_besides_is_declared(house: Path) -> None:
    rows = TRIPS.replace("2.50", '"$1,002.50"').replace("3.00", "+$3.00")
    money = (*FARE[:-1], "1,234.50")
    found = ask("partner", "new", "tram", sample(house, rows), *TRAM, *KINDS, *money)
    assert "Of the sample: 2 accepted." in found.stdout, found.stdout + found.stderr
    assert written(house, "tram")["number"] == {
        "decimal": ".",
        "thousands": ",",
        "symbol": "$",
        "symbol_at": "before",
        "plus": True,
    }


def test_events_of_an_array_are_counted_as_events_and_shown_as_such(house: Path) -> None:
    now = f"{(datetime.now(UTC) - timedelta(days=1)).timestamp() * 1000:.0f}"
    moves = json.dumps([{**move, "occurredAt": now} for move in MOVES])
    options = ("--kind", "-", "--map", "*=service.payment", "--amount", "sum", "--unit", "major", "--currency", "CNY")
    assert ask("partner", "new", "moves", sample(house, moves), *options).exit_code == 0
    wrong = sample(house, moves.replace("-4", "4"))
    found = ask("partner", "validate", "moves", wrong, "--show")
    assert found.exit_code == 1
    assert "event 2: out-of-bounds at sum: An amount of these events is negative, or zero." in found.stdout
    assert found.stdout.startswith("event")
    [shown, *rest] = map(json.loads, ask("partner", "validate", "moves", wrong, "--show", "--json").stdout.splitlines())
    assert shown["understood"]["amount"] == 350
    assert shown["understood"]["rules"] == ["payments-regularly"]
    assert [each.get("code") for each in rest] == [None, "out-of-bounds"]


def test_people_who_are_named_by_numbers_are_read_as_numbers(house: Path) -> None:
    moves = json.dumps([{**move, "ref": 5_000 + at} for at, move in enumerate(MOVES)])
    said = ("--id", "moveId", "--person", "ref", "--crosswalk", "--kind", "type", "--map", "paid=service.payment")
    money = ("--amount", "sum", "--unit", "major", "--currency", "CNY")
    found = ask("partner", "new", "wallet", sample(house, moves), *said, *money)
    assert found.exit_code == 0, found.stderr
    assert "wrong-type" not in found.stdout
    assert written(house, "wallet")["subject"] == {"path": "ref", "type": "number"}


def bills(*rows: str, columns: str = "Beleg;Kunde;Tag;Bezahlt;Art;Betrag;Whg") -> str:
    return "\n".join([columns, *rows]) + "\n"


BILLS = ("--id", "Beleg", "--time", "Tag", "--at", "noon", "--zone", "Europe/Berlin", "--person", "Kunde")
STROM = ("--kind", "Art", "--map", "Strom=electricity.bill", "--map", "Gas=gas.bill", "--amount", "Betrag")
TODAY = f"{datetime.now(UTC) - timedelta(days=2):%d.%m.%Y}"


def bill(number: int, kind: str = "Strom", paid: str = TODAY, currency: str = "EUR") -> str:
    return f"R{number};{sample_account(number)};{TODAY};{paid};{kind};{number},50;{currency}"


def test_a_currency_that_most_rows_do_not_name_is_not_taken(house: Path) -> None:
    """It would refuse these rows; and one currency for all of them would count francs as something else."""
    table = sample(house, bills(bill(1, currency=""), bill(2, currency="CHF"), bill(3, currency="")))
    also = (*BILLS, *STROM, "--unit", "major", "--late", "-")
    found = ask("partner", "new", "bills", table, *also)
    assert found.exit_code == 1
    assert "(Whg has none at line 2 and 1 more) Say it with --currency." in found.stderr
    found = ask("partner", "new", "bills", table, *also, "--currency", "EUR")
    assert "Whg looks like the currency of each event" in found.stderr
    found = ask("partner", "new", "bills", table, *also, "--currency", "Whg")
    assert found.exit_code == 0, found.stderr
    assert "line 2 and 1 more: there is an amount and no Whg. The mapping refuses it." in found.stdout
    assert '"Strom/" is the code of an event without one' in found.stdout


def test_a_currency_column_without_a_code_is_not_ignored_in_silence(house: Path) -> None:
    also = (*BILLS, *STROM, "--unit", "major", "--late", "-", "--currency", "EUR")
    for content in ("", "€"):
        table = sample(house, bills(bill(1, currency=content), bill(2, currency=content)))
        found = ask("partner", "new", "bills", table, *also, "--force")
        assert "Whg has no code of ISO 4217 in the sample, and the mapping ignores it." in found.stdout
    table = sample(house, bills(bill(1), bill(2)))
    found = ask("partner", "new", "bills", table, *also[:-2], "--force")
    assert "Whg has" not in found.stdout


def test_a_row_that_is_not_paid_yet_is_passed_over_by_what_is_told(house: Path) -> None:
    table = sample(house, bills(bill(1), bill(2, paid=""), bill(3, "Gas")))
    due = ("--due", "Tag", "--cleared", "Bezahlt", "--unit", "major")
    said = ["Bezahlt" if word == "Tag" else word for word in BILLS]
    found = ask("partner", "new", "bills", table, *said, *STROM, *due)
    told = '`kind = ["Art", "Bezahlt"]`, `skip = ["Strom/", "Gas/"]`, and `/*` behind each other code.'
    assert told in found.stdout, found.stderr
    path = house / "partners" / "bills.toml"
    mapping = path.read_text().replace('kind = "Art"', 'kind = ["Art", "Bezahlt"]\nskip = ["Strom/", "Gas/"]')
    path.write_text(mapping.replace('{ "Strom" =', '{ "Strom/*" =').replace('{ "Gas" =', '{ "Gas/*" ='))
    checked = ask("partner", "validate", "bills", table)
    assert "3 events checked: 2 accepted, 1 skipped." in checked.stdout, checked.stdout
    path.write_text(path.read_text().replace('["Strom/", "Gas/"]', '["*/"]'))
    checked = ask("partner", "validate", "bills", table)
    assert "Look at this: `*/` does not pass over an event that `Strom/*` fits as well" in checked.stdout
    assert "3 events checked: 2 accepted, 1 refused." in checked.stdout


def test_a_row_with_a_cell_too_many_is_no_header(house: Path) -> None:
    rows = [bill(1), f"{bill(2)};x", bill(3)]
    found = sample_of(bills(*rows).encode(), "sample")
    assert found.fields == ["Beleg", "Kunde", "Tag", "Bezahlt", "Art", "Betrag", "Whg"]
    assert list(found.uneven) == [3]
    short = [row.rsplit(";", 2)[0] for row in rows]
    assert sample_of(bills(*short).encode(), "sample").fields == found.fields[:6]
    before = "Konto;1234\n\n" + bills(*rows)
    assert sample_of(before.encode(), "sample").fields == found.fields


def test_a_list_is_no_field_of_an_event(house: Path) -> None:
    table = sample(house, json.dumps(MOVES))
    found = ask("partner", "new", "wallet", table, "--id", "moveId", "--person", "tags", "--kind", "type")
    assert "tags is a list" in found.stderr


def test_a_cell_that_is_too_long_is_not_called_an_open_quote(house: Path) -> None:
    with pytest.raises(UserError, match="a cell on line 2 has more than 131,072 characters"):
        sample_of(bills(bill(1).replace("Strom", "x" * 140_000)).encode(), "sample")


def test_what_is_strange_about_a_table_is_told_by_send_as_by_validate(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("partner", "new", "tram", sample(house, TRIPS), *TRAM, *KINDS, *FARE).exit_code == 0
    other = sample(house, TRIPS.replace("fare", "price"))

    async def answered(*_: object, **__: object) -> Sent:
        return Sent([Verdict(2, Result.REFUSED, "unknown-field", "price", "...")])

    monkeypatch.setattr(partner, "reached", lambda: (None, None))
    monkeypatch.setattr(partner, "send", answered)
    told = [
        [line for line in ask("partner", words, "tram", other).stdout.splitlines() if line.startswith("Look at this")]
        for words in ("validate", "send")
    ]
    assert told[0] == told[1]
    assert "price" in told[0][0]
