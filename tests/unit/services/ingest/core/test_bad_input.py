"""Every case of bad input gets exactly its one refusal, with the untouched bytes and nothing of them in the headers."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from shared.contracts.faults import Code
from shared.contracts.messages import Refusal
from shared.contracts.refusals import read_refusal
from shared.settings import ROOT
from tests.support.ingest.bad_input import BAD_INPUT, Case
from tests.support.ingest.raw_events import FRIEND, PERSON
from tests.support.ingest.shipped import answer


@pytest.mark.parametrize("case", BAD_INPUT, ids=lambda case: case.name)
def test_each_is_refused_with_code_field_and_sentence(case: Case) -> None:
    outgoing, outcome = answer(case.event)
    refusal = read_refusal(outgoing.headers)
    assert isinstance(refusal, Refusal), refusal
    assert (refusal.code, refusal.field or "") == (case.code.value, case.field), refusal.sentence
    assert case.sentence in refusal.sentence
    assert outgoing.topic == f"behavior.rejected.{case.event.partner}"
    assert (outgoing.key, outgoing.value) == (None, case.event.value)
    assert refusal.origin == f"behavior.raw.{case.event.partner}/3/7"
    # Nobody is named in field and sentence.
    for canary in (PERSON, FRIEND, PERSON.lower(), "C-00817723"):
        assert canary not in refusal.sentence
        assert canary not in (refusal.field or "")
    # What this deployment does not want is no fault of the partner's format, and is counted apart.
    result = "unwanted" if case.code in (Code.KIND_NOT_PERMITTED, Code.CLASS_NOT_PERMITTED) else "refused"
    assert (outcome.result, outcome.partner, outcome.code) == (result, case.event.partner, case.code.value)


def test_names_are_unique_and_the_table_is_long_enough() -> None:
    assert max(Counter(case.name for case in BAD_INPUT).values()) == 1
    assert len(BAD_INPUT) >= 40


def test_every_code_that_ingest_can_give_has_a_case() -> None:
    contracts = [ROOT / "shared" / "contracts" / f"{name}.py" for name in ("cloudevents", "strict_json", "times")]
    sources = [*contracts, *(ROOT / "services" / "ingest" / "core").glob("*.py")]
    named = {Code[name] for path in sources for name in re.findall(r"Code\.([A-Z_]+)", path.read_text())}
    # The last resort has no input that leads to it: if one is found, it gets a rule and a code of its own.
    # An unknown customer takes a crosswalk, and so a Kafka: tests/integration/test_crosswalk.py. No shipped partner has
    # messages of many events: test_proportion.py.
    beside = {Code.UNPROCESSABLE, Code.FIXED_WIDTH_LINE, Code.UNKNOWN_CUSTOMER, Code.TOO_DENSE}
    assert named - {case.code for case in BAD_INPUT} == beside
