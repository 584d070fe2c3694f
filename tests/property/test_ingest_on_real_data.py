"""The adapter of the shipped data, on all of its people: ingest takes what it makes of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

from goodstanding.partner.mapping_files import compiled
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.simulation.real_data.adapters import adapters
from services.ingest.core.normalize import Normalized, normalize
from shared.contracts.identity import normalize as normalized_identifier
from shared.contracts.messages import BehaviorEvent, RecordReport
from shared.settings import ROOT

DATA = ROOT / "data" / "uci-credit-card-train.csv"


def test_ingest_takes_the_events_of_the_data() -> None:
    # One of five; `make demo-real` sends all of them, and compares each with its recount.
    source = adapters()["uci-credit-card"](DATA)
    settings = FixedSettings.new(zone=source.zone.key, currency=source.currency)
    partner, counts, ids = compiled(source.partner, settings), Counter[str](), set()
    people = {normalized_identifier("account", person.identifier) for person in source.people}
    for month in (source.months[0], source.months[-1]):
        for event in islice(source.events(month), 0, None, 5):
            result = normalize(partner, event, datetime(2005, 10, 1, tzinfo=UTC))
            assert isinstance(result, Normalized), result
            assert result.time.astimezone(source.zone).month == month % 12 + 1
            counts[result.body.kind] += 1
            ids.add(result.event_id)
            if isinstance(result.body, BehaviorEvent):
                assert (result.body.limit is not None) == (result.body.kind == "credit_card.statement")
                assert (result.body.days_late or 0) in (0, 30, 60, 90)
            else:
                assert isinstance(result.body, RecordReport)
    assert len(ids) == counts.total()
    assert len(people) == 15_000
    assert counts["card.overdue"] > 0
    assert sum(person.defaulted for person in source.people) == 3_353
