"""The last resort: an event that no rule refuses and that cannot be processed is answered all the same (rules E1)."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from services.ingest.core.normalize import Refused, normalize
from services.ingest.core.tree import Flat
from services.ingest.service import Policy, service
from shared.contracts.cloudevents import EVENT_BYTES_MAX
from shared.contracts.faults import Code
from shared.runner.service import Answer
from tests.support.ingest.raw_events import PERSON, RawEvent, bike, utility
from tests.support.ingest.shipped import ARRIVED, PARTNERS, answered, record


def failing(error: Exception) -> dict[str, object]:
    def body(flat: Flat) -> None:
        raise error

    partner = PARTNERS["utility"]
    readings = {code: replace(reading, body=body) for code, reading in partner.readings.items()}  # type: ignore[arg-type]  # a reading that fails
    return {"utility": replace(partner, readings=readings)}


@pytest.mark.parametrize(
    "error", [ValueError(PERSON), KeyError(PERSON), RecursionError(PERSON), AssertionError(PERSON)]
)
def test_a_fault_of_ours_is_an_answer_that_quotes_nothing(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    partners = failing(error)
    result = normalize(partners["utility"], utility(), ARRIVED)  # type: ignore[arg-type]  # a partner whose readings fail
    assert isinstance(result, Refused)
    assert (result.fault.code, result.fault.field, result.event_id) == (Code.UNPROCESSABLE, "", "m-1")
    assert result.bug is not None
    assert result.bug.startswith(f"{type(error).__name__} at body, line ")
    answer = answered(record(utility()), service(Policy(partners)))  # type: ignore[arg-type]  # partners whose readings fail
    assert isinstance(answer, Answer)
    assert [outcome.code for outcome in answer.outcomes] == ["unprocessable"]
    written = capsys.readouterr()
    assert "behavior.raw.utility/3/7" in written.out + written.err
    assert PERSON not in written.out + written.err + repr(result)


def test_a_machine_without_memory_says_nothing_about_the_event() -> None:
    with pytest.raises(MemoryError):
        normalize(failing(MemoryError())["utility"], utility(), ARRIVED)  # type: ignore[arg-type]  # a partner whose readings fail


def test_no_event_at_all() -> None:
    result = normalize(PARTNERS["utility"], RawEvent("utility", b""), ARRIVED)
    assert isinstance(result, Refused)
    assert result.bug is None


@pytest.mark.parametrize("partner", ["utility", "city"])
def test_no_json_is_made_of_a_record_that_is_far_too_large(partner: str) -> None:
    """Objects of nothing take thirty times their bytes, and unpacked a record may have 16 MiB."""
    large = RawEvent(partner, b"[" + b"{}," * 350_000 + b"{}]")
    tracemalloc.start()
    try:
        result = normalize(PARTNERS[partner], large, ARRIVED)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(result, Refused)
    assert result.fault.code is Code.TOO_LARGE
    assert peak_bytes < 1024 * 1024


def test_an_event_that_is_too_large_is_named_by_the_id_in_its_headers() -> None:
    result = normalize(PARTNERS["bike-rental"], bike({"station_from": "x" * EVENT_BYTES_MAX}), ARRIVED)
    assert isinstance(result, Refused)
    assert (result.fault.code, result.event_id) == (Code.TOO_LARGE, "event-1")
