"""What is said of a table as a whole, all of it at once."""

from __future__ import annotations

import pytest

from goodstanding.partner.file_remarks import file_remarks
from services.ingest.core.mapping import CsvMapping, FixedMapping
from services.ingest.loading import load_mapping, load_partner
from shared.settings import ROOT
from tests.support.ingest.shipped import DEPLOYMENT

PARTNERS = ROOT / "docs" / "examples" / "partners"
BIKE = (
    "rider,ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,"
    "end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
)
GERMAN = (
    "Kunde;Auftragskonto;Buchungstag;Valutadatum;Buchungstext;Verwendungszweck;Glaeubiger ID;Mandatsreferenz;"
    "Kundenreferenz (End-to-End);Sammlerreferenz;Lastschrift Ursprungsbetrag;Auslagenersatz Ruecklastschrift;"
    "Beguenstigter/Zahlungspflichtiger;Kontonummer/IBAN;BIC (SWIFT-Code);Betrag;Waehrung;Info"
)
BETWEEN = "Between the names of the columns stands"


def remarks(partner: str, content: bytes, *, refused: bool = True) -> list[str]:
    file = PARTNERS / f"{partner}.toml"
    mapping = load_mapping(file)
    assert isinstance(mapping, CsvMapping | FixedMapping)
    return list(file_remarks(content, mapping, load_partner(file, DEPLOYMENT), refused=refused))


@pytest.mark.parametrize(
    ("partner", "content", "found"),
    [
        ("bike-share", BIKE, []),
        ("bike-share", f"\ufeff{BIKE}", []),
        ("bike-share", "", []),
        (
            "bike-share",
            f"{BIKE.replace('ride_id', 'Ride No.').replace('end_lat', 'start_lat')},note",
            [
                "Columns that the mapping neither reads nor ignores: Ride No., start_lat#2, note.",
                "Columns that the mapping reads and the file does not have: ride_id.",
            ],
        ),
        (
            "bike-share",
            f'{BIKE}\n"a\nb",x\nc,d\n"e\n\nf",y\n',
            ["One event stands on several lines, 2 to 3 (and 1 more). Unless that is meant, a quote is stray there."],
        ),
        # A column that is ignored may be missing.
        ("bike-share", BIKE.replace(",end_lng", ""), []),
        (
            "bike-share",
            BIKE.replace(",", ";"),
            [f'{BETWEEN} a semicolon: `delimiter = ";"`.'],
        ),
        (
            "bike-share",
            BIKE.replace(",", "\t"),
            [f'{BETWEEN} a tab: `delimiter = "\\t"`.'],
        ),
        # What is no header may be somebody's data.
        ("bike-share", "GS000000000195,Jane,12.50", []),
        (
            "bike-share",
            "rider",
            [
                "Columns that the mapping reads and the file does not have: ended_at, member_casual, "
                "ride_id, rideable_type."
            ],
        ),
        ("bike-share", f'{BIKE},"', []),
        ("bank-german", GERMAN, []),
        (
            "bank-german",
            f"{GERMAN}\nK\u00f6ln",
            ['The file is written in UTF-8, and the mapping says `encoding = "windows-1252"`.'],
        ),
    ],
)
def test_what_is_strange_about_a_file(partner: str, content: str, found: list[str]) -> None:
    assert remarks(partner, content.encode()) == found


def test_a_file_in_the_encoding_that_the_mapping_says_is_not_strange() -> None:
    assert remarks("bank-german", f"{GERMAN}\nK\u00f6ln".encode("windows-1252")) == []


def test_many_columns_are_not_all_named() -> None:
    [sentence] = remarks("bike-share", f"{BIKE},{','.join(f'c{number}' for number in range(100))}".encode())
    assert sentence.endswith("c19 and 80 more.")


def test_a_column_that_nobody_misses_is_not_missing() -> None:
    assert remarks("bike-share", BIKE.replace("rider,", "").encode(), refused=False) == []


def test_lines_of_fixed_width_without_breaks_are_not_taken_for_one() -> None:
    line = b"0426" + b" " * 422
    assert remarks("metro2", line + b"\r\n" + line) == []
    assert remarks("metro2", line + b"J1".ljust(100)) == [], "with a segment behind it"
    assert remarks("metro2", line * 3) == [
        "The file is one line of 1,278 characters, and an event has 426: are there line breaks missing between events?"
    ]
