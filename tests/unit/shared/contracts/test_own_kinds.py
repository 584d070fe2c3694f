"""A deployment's own kinds: what the file may say, and that every service takes an event of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ingest.core.compiling import compile_partner
from services.ingest.core.mapping import NativeMapping, Rights
from services.ingest.core.normalize import Normalized, normalize
from services.scorer.core.scorecard import Scorecard
from shared.contracts.checks import check_event, fields_of
from shared.contracts.kinds import (
    KIND_OF,
    KIND_OF_CODE,
    KINDS,
    REVERSIBLE,
    Ends,
    Kind,
    RecordClass,
    Shape,
    extend,
    no_such_kind,
)
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.own_kinds import FIRST_CODE, LAST_CODE
from shared.policy_file import OWN_KINDS, load_kinds, load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError
from tests.support.ingest.raw_events import PERSON, structured
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT

FILE = """
[[own_kinds]]
code = 130
name = "gym.fee"
shape = "obligation"
group = "household"
title = "Fee of a gym, paid"

[[own_kinds]]
code = 131
name = "library.visit"
shape = "activity"
title = "Visit to a library"

[[own_kinds]]
code = 132
name = "gym_fee.overdue"
shape = "record"
title = "Fee of a gym overdue"
record_class = "life"
ends = "on_settlement"
"""


@pytest.fixture
def policies(tmp_path: Path) -> Iterator[Path]:
    """A directory with the file; what it adds to the taxonomy goes with the test."""
    (tmp_path / OWN_KINDS).write_text(FILE)
    yield tmp_path
    shipped = {kind.name for kind in KINDS}
    for kind in [kind for kind in KIND_OF.values() if kind.name not in shipped]:
        del KIND_OF[kind.name], KIND_OF_CODE[kind.code]
        REVERSIBLE.discard(kind.code)


def test_no_shipped_kind_has_a_code_of_a_deployment() -> None:
    assert not [kind.name for kind in KINDS if FIRST_CODE <= kind.code <= LAST_CODE]


def test_own_kinds_are_kinds_like_the_shipped(policies: Path) -> None:
    load_kinds(policies)
    load_kinds(policies)
    assert check_event(BehaviorEvent(kind="gym.fee", days_late=2)) is None
    assert check_event(BehaviorEvent(kind="library.visit", count=3, reverses=True)) is None
    assert check_event(BehaviorEvent(kind="gym.fee")) is not None
    report = RecordReport(kind="gym_fee.overdue", report_id="r", status="reported", began_on=ARRIVED.date())
    assert check_event(report) is None
    assert fields_of(KIND_OF["gym.fee"])[0] == ["days_late"]
    assert KIND_OF_CODE[131].code in REVERSIBLE
    assert KIND_OF["gym_fee.overdue"].record_class is RecordClass.LIFE
    assert KIND_OF["gym_fee.overdue"].ends is Ends.ON_SETTLEMENT


def test_a_partner_may_send_one_and_a_scorecard_name_it(policies: Path) -> None:
    load_kinds(policies)
    partner = compile_partner("gym", NativeMapping(rights=Rights(kinds=("gym.fee",))), DEPLOYMENT)
    event = structured("gym", TYPES[BehaviorEvent], {"kind": "gym.fee", "days_late": 4}, subject=PERSON)
    taken = normalize(partner, event, ARRIVED)
    assert isinstance(taken, Normalized), taken
    assert taken.body == BehaviorEvent(kind="gym.fee", days_late=4)
    text = (ROOT / "policies" / "scorecard.toml").read_text()
    (policies / "card.toml").write_text(text.replace('stays = ["hotel.stay", "ride.trip"]', 'stays = ["gym.fee"]'))
    assert load_policy(policies / "card.toml", Scorecard).kinds["stays"] == ("gym.fee",)


FAULTS = [
    ("a gap", "code = 131", "code = 140", "own_kinds[1].code", "without a gap, so this one is 131"),
    (
        "one taken out",
        'code = 130\nname = "gym.fee"',
        'code = 131\nname = "gym.fee"',
        "own_kinds[0].code",
        "this one is 130",
    ),
    ("no name of two words", '"gym.fee"', '"gym"', "own_kinds[0].name", "two words"),
    ("what is never taken", '"gym.fee"', '"patient_health.status"', "own_kinds[0].name", "health"),
    ("what tells of it", '"gym.fee"', '"church.donation"', "own_kinds[0].name", "what tells of them"),
    ("a title that does", '"Visit to a library"', '"Visit to a hospital"', "own_kinds[1].title", "what tells of them"),
    ("a shipped name", '"gym.fee"', '"water.bill"', "own_kinds[0].name", "has this kind already"),
    ("a name twice", '"library.visit"', '"gym.fee"', "own_kinds[1].name", "Another kind"),
    ("a record without an end", 'ends = "on_settlement"\n', "", "own_kinds[2].shape", "`record_class` and `ends`"),
    ("a class of no record", 'group = "household"', 'record_class = "life"', "own_kinds[0].shape", "nothing else"),
    ("a shape that needs more", '"activity"', '"fact"', "own_kinds[1].shape", "Invalid"),
]


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_a_fault_is_named_by_its_key(policies: Path, old: str, new: str, key: str, sentence: str) -> None:
    assert old in FILE
    (policies / OWN_KINDS).write_text(FILE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_kinds(policies)
    assert caught.value.key == key
    assert sentence in caught.value.sentence
    assert "gym.fee" not in KIND_OF


def test_a_code_never_gets_another_meaning_while_a_process_runs(policies: Path) -> None:
    load_kinds(policies)
    (policies / OWN_KINDS).write_text(FILE.replace('"gym.fee"', '"pool.fee"'))
    with pytest.raises(ConfigError, match="another meaning"):
        load_kinds(policies)


def test_no_file_is_no_own_kinds(tmp_path: Path) -> None:
    load_kinds(tmp_path)
    assert len(KIND_OF) == len(KINDS)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("tram.fare", "transit.fare"), ("water.bil", "water.bill"), ("rent", "rent.payment"), ("xx.qq", None)],
)
def test_a_name_that_is_none_is_told_with_the_nearest(name: str, nearest: str | None) -> None:
    sentence = "The taxonomy has no such kind."
    assert no_such_kind(name) == (f"{sentence} The nearest is {nearest}." if nearest else sentence)


def test_what_is_added_is_given_back(policies: Path) -> None:
    extend([Kind(code=199, name="test.kind", group="own", shape=Shape.ACTIVITY, title="A test")])
    assert 199 in REVERSIBLE
