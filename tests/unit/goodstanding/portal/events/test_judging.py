"""An event over HTTP is judged as ingest judges it, by the files of this moment, in a process without its key."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from goodstanding.partner.samples import Setting, samples
from goodstanding.portal.events.judging import Judging, Sent, partition, verdicts
from goodstanding.portal.settings import PortalSettings
from services.ingest.core.normalize import Normalized, Refused, judged
from services.ingest.loading import load_mapping
from shared.settings import ROOT
from shared.toml_file import ConfigError
from tests.support.ingest.bad_input import BAD_INPUT
from tests.support.ingest.shipped import ARRIVED, KEY, PARTNERS

SETTING = Setting(currency="CNY", zone=ZoneInfo("Asia/Shanghai"), until=ARRIVED)


def settings(partners: Path = ROOT / "partners") -> PortalSettings:
    return PortalSettings(kafka="127.0.0.1:1", portal_key=KEY.hex(), fingerprint_key=KEY.hex(), partners=partners)


@pytest.mark.parametrize("name", sorted(PARTNERS))
async def test_what_ingest_takes_is_taken_and_its_pseudonyms_are_not_ours(name: str) -> None:
    partner = await Judging(settings()).partner(name)
    assert partner is not None
    mapping = load_mapping(ROOT / "partners" / f"{name}.toml")
    for event in islice(samples(name, mapping, SETTING), 40):
        sent = Sent(event.key, event.value, event.headers)
        ours, theirs = verdicts(partner, sent, ARRIVED), judged(PARTNERS[name], sent, ARRIVED)
        for mine, its in zip(ours, theirs, strict=True):
            assert isinstance(mine, Normalized)
            assert isinstance(its, Normalized)
            assert mine.event_id == its.event_id
            assert mine.user_id != its.user_id, "the key of the pseudonyms is not this process'"


async def test_what_ingest_refuses_is_refused_with_the_same_words() -> None:
    judging = Judging(settings())
    for case in BAD_INPUT:
        partner = await judging.partner(case.event.partner)
        assert partner is not None
        sent = Sent(case.event.key, case.event.value, tuple(case.event.headers))
        ours = verdicts(partner, sent, ARRIVED)
        theirs = judged(replace(PARTNERS[case.event.partner], mapping=partner.mapping), sent, ARRIVED)
        assert [each.fault for each in ours if isinstance(each, Refused)] == [
            each.fault for each in theirs if isinstance(each, Refused)
        ]


async def test_one_persons_events_go_to_one_partition_whichever_process_takes_them() -> None:
    mapping = load_mapping(ROOT / "partners" / "city.toml")
    places = []
    for _ in range(2):
        partner = await Judging(settings()).partner("city")
        assert partner is not None
        found = [
            verdicts(partner, Sent(each.key, each.value, tuple(each.headers)), ARRIVED)
            for each in islice(samples("city", mapping, replace(SETTING, people=3)), 60)
        ]
        by_person: dict[str, set[int]] = {}
        for each in found:
            assert isinstance(each[0], Normalized)
            by_person.setdefault(each[0].user_id, set()).add(partition(each))
        assert all(len(at) == 1 for at in by_person.values())
        places.append(by_person)
    assert places[0] == places[1]
    assert partition([]) == 0


async def test_a_changed_file_is_in_force_at_once_and_one_with_a_fault_changes_nothing(tmp_path: Path) -> None:
    partners = tmp_path / "partners"
    partners.mkdir()
    judging = Judging(settings(partners=partners))
    assert await judging.partner("city") is None
    file = partners / "city.toml"
    file.write_text("format = ")
    with pytest.raises(ConfigError):
        await judging.partner("city")
    shutil.copy(ROOT / "partners" / "city.toml", file)
    first = await judging.partner("city")
    assert first is not None
    assert await judging.partner("city") is first
    file.write_text(file.read_text() + "\n# changed\n")
    second = await judging.partner("city")
    assert second is not None
    assert second.mapping != first.mapping
    file.write_text("format = ")
    assert await judging.partner("city") is second
    file.unlink()
    assert await judging.partner("city") is second
