"""What the scores dashboard shows: how people stand, by which policies, and how a publication goes on."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import prometheus, table
from grafana_foundation_sdk.models import dashboard, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.panels import described, graph, number
from deploy.grafana.queries import LATE, NEXT, PUBLISHED, count, people
from deploy.grafana.whole import Line

NOBODY = "Nobody has a score."
THIN = f"{people('file', 'thin')} / ignoring (value) sum ({people('file')})"
TIERS_1H = count('goodstanding_outcomes_total{job="benefits"}', "1h")
PROGRESS = "avg(max by (shard) (goodstanding_run_done_ratio))"


def lines() -> Iterator[str | Line]:
    """Headings and lines from top to bottom. Of a panel: title, description, queries by their series' names, unit."""
    yield "Now"
    yield [
        number("People with a score", "Counted once a minute.", {"people": f"sum({people('file')})"})
        .no_value(NOBODY),
        number("Thin files", "The share of those whose history is too short to gain anything new.",
               {"thin": THIN}, units.PercentUnit).no_value("Nobody has a thin file."),
        number("Low scores", "The share of people below 550; the alert compares it with the day before.",
               {"low": "goodstanding_low_scores:ratio"}, units.PercentUnit).no_value(NOBODY),
        number("Publication", "How much of the latest monthly run is done, of all shards.",
               {"done": PROGRESS}, units.PercentUnit).no_value("No run has begun."),
        number("Next publication", "When the next monthly run is due; in the past, while one is under way.",
               {"next": f"min({NEXT}) * 1000"}, units.DateTimeFromNow),
    ]  # fmt: skip
    yield "People"
    yield [
        graph("By tier", "Everybody who has a score; counted once a minute.",
              {"{{value}}": people("tier")}, steps=True).no_value(NOBODY),
        graph("By score", "In bands of a hundred points.",
              {"{{value}}": people("band")}, steps=True).no_value(NOBODY),
        graph("Thin files", "The share of those whose history is too short.",
              {"thin": THIN}, units.PercentUnit, steps=True).max(1).no_value("Nobody has a thin file."),
        graph("Low scores", "The share of people below 550.",
              {"low": "goodstanding_low_scores:ratio"}, units.PercentUnit, steps=True).max(1).no_value(NOBODY),
    ]  # fmt: skip
    yield "Publication"
    yield [
        graph("Scores published", "A second, monthly runs and changes of records together.",
              {"published": f"sum(rate({PUBLISHED}[$__rate_interval])) or vector(0)"}, units.MessagesPerSecond),
        graph("How much of the run is done", "Of the latest monthly run, of all shards together.",
              {"done": PROGRESS}, units.PercentUnit, steps=True).max(1).no_value("No run has begun."),
        graph("Publication progress: shards done",
              "Of all shards, those with nothing due. Below 100 % a run is under way.",
              {"shards done": f"sum({NEXT} > bool time()) / count({NEXT})"}, units.PercentUnit, steps=True).max(1),
        graph("Late", "How long ago the earliest publication that is not done became due; alert above 7200.",
              {"{{job}}": f'{LATE}{{job="scorer"}}'}, units.Seconds, yellow=600, red=7200),
    ]  # fmt: skip
    yield "Tiers and policies"
    yield [
        graph("Changes of tiers", "By result, in the last hour.",
              {"{{result}}": f"sum by (result) ({TIERS_1H})"},
              steps=True)
        .no_value("No score has arrived."),
        policies(),
    ]  # fmt: skip


def policies() -> table.Panel:
    options = {"excludeByName": {"Time": True, "Value": True}, "renameByName": {"job": "service"}}
    panel = table.Panel().with_transformation(dashboard.DataTransformerConfig("organize", options=options))
    targets = [
        prometheus.Dataquery().expr("max by (job, policy) (goodstanding_policy_info)").instant()
        .format(PromQueryFormat.TABLE)
    ]  # fmt: skip
    return described(panel, "Policies in force", "Two lines of one service: its processes do not agree.", targets)
