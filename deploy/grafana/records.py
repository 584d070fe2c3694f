"""What the dashboard of records and rights shows: negative records, deadlines, what people ask, and erasures."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.models import units

from deploy.grafana.panels import graph, number
from deploy.grafana.queries import LATE, count
from deploy.grafana.whole import Line

RECORDS_1H = count('goodstanding_outcomes_total{job="retention"}', "1h")
RETENTION = 'goodstanding_outcomes_total{job="retention", result=~"%s"}'
REPORTS = RETENTION % "open|settled|waiting|duplicate|refused"
ENDS = RETENTION % "expired|deleted"
ASKED = RETENTION % "answered|refused|asked|warned|erased|disputed|confirmed|corrected|unverifiable|returned"


def erasures(value: str) -> str:
    return f'max(goodstanding_people{{by="erasure", value="{value}"}})'


def lines() -> Iterator[str | Line]:
    """Headings and lines from top to bottom. Of a panel: title, description, queries by their series' names, unit."""
    yield "Now"
    yield [
        number("Deadlines late", "How long ago the earliest deadline passed that retention has not acted upon.",
               {"late": f'{LATE}{{job="retention"}}'}, units.Seconds, yellow=60, red=300),
        number("Erasures under way", "Requests that not every service has confirmed.",
               {"pending": erasures("pending")}),
        number("Erasures overdue", "Those for more than an hour.", {"overdue": erasures("overdue")}, red=1),
        number("Requests of people, 24 h", "Answered, whatever the answer.",
               {"answered": f"sum({count(RETENTION % 'answered', '24h')}) or vector(0)"}),
        number("Settlements that wait, 24 h", "For a record that nobody has reported; told after fourteen days.",
               {"waiting": f"sum({count(RETENTION % 'waiting', '24h')}) or vector(0)"}),
    ]  # fmt: skip
    yield "Records"
    yield [
        graph("What partners report", "By result, in the last hour.",
              {"{{result}}": f"sum by (result) ({RECORDS_1H})"},
              steps=True)
        .no_value("No record has arrived."),
        graph("By partner", "Reports, settlements and resolutions, in the last hour.",
              {"{{partner}} {{result}}": f"sum by (partner, result) ({count(REPORTS, '1h')})"}, steps=True)
        .no_value("No record has arrived."),
        graph("Records that ended", "Lapsed at their deadline, or deleted before it, in the last hour.",
              {"{{result}}": f"sum by (result) ({count(ENDS, '1h')}) or vector(0)"}, steps=True),
        graph("Deadlines late", "How long ago the earliest deadline passed that retention has not acted upon;"
              " alert above 300.",
              {"late": f'{LATE}{{job="retention"}}'}, units.Seconds, red=300),
    ]  # fmt: skip
    yield "Rights of people"
    yield [
        graph("Asked and answered", "Requests by what came of them, questions to providers, and warnings that an"
              " answer is due, in the last hour.",
              {"{{result}} {{code}}": f"sum by (result, code) ({count(ASKED, '1h')}) or vector(0)"}, steps=True),
        graph("Erasures", "Requests that not every service has confirmed, and those for more than an hour.",
              {"pending": erasures("pending"), "overdue": erasures("overdue")}, steps=True, red=1),
        graph("Lag of what concerns rights", "Age of the oldest request or report that is not handled.",
              {"{{job}} {{topic}}": 'max by (job, topic) (goodstanding_lag_seconds{job="retention"})'},
              units.Seconds, red=300),
    ]  # fmt: skip
