"""Samples make sense together: whoever plays a partner with them must not look like one that is at fault."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.rehearsal import Forwarded, Rehearsal
from goodstanding.partner.samples import Setting, samples
from goodstanding.partner.verdicts import Line
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.topics import RECORDS_REPORTED

SETTINGS = FixedSettings.new()
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize("partner", ["bank", "bike-rental", "city", "consumer-credit", "court-feed", "utility"])
def test_what_is_settled_was_reported_before_and_once(partner: str) -> None:
    setting = Setting(SETTINGS.currency, ZoneInfo(SETTINGS.zone), NOW, people=20)
    events = islice(samples(partner, mapping_of(partner), setting), 300)
    lines = [Line(number, each.value, each.key) for number, each in enumerate(events)]
    told: dict[str, list[tuple[object, ...]]] = {"reported": [], "settled": []}
    for each in Rehearsal(partner, SETTINGS, NOW).read(lines):
        if isinstance(each, Forwarded) and each.record.topic == RECORDS_REPORTED:
            assert each.record.value is not None
            said = json.loads(each.record.value)
            record = each.user_id, said["kind"], said["report_id"]
            assert said["status"] == "reported" or record in told["reported"]
            told[said["status"]].append(record)
    for status, records in told.items():
        assert records, f"none is {status}"
        assert len(set(records)) == len(records)
