"""Whoever sends a body of another form learns which field is wrong, and nothing of what was sent is quoted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from goodstanding.portal.documents import Dispute, Permit
from goodstanding.portal.web.problems import ProblemError

FORM, LACKS = "The body has not the form that /openapi.json says.", "The body lacks a field that /openapi.json says."


@pytest.mark.parametrize(
    ("model", "body", "detail", "field"),
    [
        (Dispute, {}, LACKS, "record_id"),
        (Dispute, {"record_id": "7d1e"}, LACKS, "reason"),
        (Dispute, {"record_id": "7d1e", "reason": 7}, FORM, "reason"),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "text": ["GS000000000195"]}, FORM, "text"),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "GS000000000195": 1}, FORM, ""),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "missing required field `GS000000000195": 1}, FORM, ""),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "x` - at `$.GS000000000195": 1}, FORM, ""),
        (Permit, "GS000000000195", FORM, ""),
    ],
)
def test_a_field_of_ours_is_named(model: type[Any], body: object, detail: str, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(msgspec.json.encode(body), type=model)
    problem = ProblemError.of_form(raised.value)
    assert (problem.status, problem.code, problem.detail, problem.field) == (422, "wrong-type", detail, field)
