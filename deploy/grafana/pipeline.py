"""`python -m deploy.grafana.pipeline write | check`: all dashboards, and what the first of them shows.

They are built with Grafana Labs' own library, which knows the options and values of Grafana's schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.builders import common as part
from grafana_foundation_sdk.builders import prometheus, statetimeline, table
from grafana_foundation_sdk.models import common, dashboard, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana import records, runtime, scores
from deploy.grafana.panels import described, graph, limits, number, option
from deploy.grafana.queries import LATE, NEXT, count, rate
from deploy.grafana.whole import Line, text
from shared.contracts.topics import SERVICES
from shared.made_file import keep

# -- what is asked ---------------------------------------------------------------------------------------------------


LAG = "job:goodstanding_lag_seconds:max"
REFUSED = 'goodstanding_outcomes_total{result="refused"}'
UNWANTED = 'goodstanding_outcomes_total{result="unwanted"}'
REFUSED_24H = count(REFUSED, "24h")
DEAD_LETTERS_24H = count("goodstanding_dead_letters_total", "24h")
RETRIES_5M = count("goodstanding_retries_total", "5m")
STEPS = rate("job, source, le", "goodstanding_step_duration_seconds_bucket")
# A service without any process has no series: 0 has to be said.
READY = "sum by (job) (goodstanding_ready)" + "".join(
    f' or 0 * absent(goodstanding_ready{{job="{service}"}})' for service in SERVICES
)


# -- what is shown ---------------------------------------------------------------------------------------------------


def lines() -> Iterator[str | Line]:
    """Headings and lines from top to bottom. Of a panel: title, description, queries by their series' names, unit."""
    yield "Now"
    yield [
        number("Processes ready", "Of each service; red is none.", {"{{job}}": READY}, lowest="red", green=1),
        number("Behind", "Age of the oldest record that is not handled.",
               {"{{job}}": LAG}, units.Seconds, yellow=30, red=300),
        number("Timers late", "How long ago the earliest timer that has not fired became due."
               " A publication (scorer) may take two hours.",
               {"{{job}}": LATE}, units.Seconds, yellow=60, red=300)
        .override_by_name("scorer", [option("thresholds", limits("green", yellow=600, red=7200).build())]),
        number("Alerts", "How many fire. Red marks in the graphs name them, docs/runbooks.md says what to do.",
               {"alerts": 'count(ALERTS{alertstate="firing"}) or vector(0)'}, red=1),
        number("Dead letters, 24 h", "Records set aside; `goodstanding dead-letters ls` says why.",
               {"dead letters": f"sum({DEAD_LETTERS_24H}) or vector(0)"}, red=1),
        number("Refused, 24 h", "Events of partners, by any service; a table below says whose, and why.",
               {"refused": f"sum({REFUSED_24H}) or vector(0)"}),
        number("Next publication", "When the next monthly run is due; in the past, while one is under way.",
               {"next": f"min({NEXT}) * 1000"}, units.DateTimeFromNow),
    ]  # fmt: skip
    yield "Flow"
    yield [
        graph("Records in, by topic", "Records handled a second.",
              {"{{job}} ← {{topic}}": rate("job, topic", "goodstanding_records_consumed_total")},
              units.RecordsPerSecond),
        graph("Messages out, by topic", "Messages acknowledged by Kafka, a second.",
              {"{{job}} → {{topic}}": rate("job, topic", "goodstanding_messages_sent_total")},
              units.MessagesPerSecond),
        graph("What became of messages", "By service and result, a second.",
              {"{{job}} {{result}}": rate("job, result", "goodstanding_outcomes_total")},
              units.MessagesPerSecond),
    ]  # fmt: skip
    yield [
        graph("Lag in seconds", "Age of the oldest record that is not handled, by service; alert above 300.",
              {"{{job}}": LAG}, units.Seconds, red=300),
        graph("Lag in records", "Appended and not handled, by service and topic.",
              {"{{job}} {{topic}}": "sum by (job, topic) (goodstanding_lag_records)"}),
    ]  # fmt: skip
    yield "Refusals"
    yield [
        graph("Refused, by partner and code", "A second.",
              {"{{partner}} {{code}}": rate("partner, code", REFUSED)}, units.EventsPerSecond)
        .stacking(part.StackingConfig().mode(common.StackingMode.NORMAL).group("A")).fill_opacity(20)
        .no_value("Nothing has been refused."),
        graph("Not wanted, by partner and code", "Kinds and classes that the partner may not send, a second;"
              " nothing else is wrong with them.",
              {"{{partner}} {{code}}": rate("partner, code", UNWANTED)}, units.EventsPerSecond)
        .no_value("Nothing that is not wanted has been sent."),
        graph("Share refused, by partner", "Of what ingest judged, over 15 minutes;"
              " alert above 5 %, if that is far more than the day before.",
              {"{{partner}}": "partner:goodstanding_refused:ratio15m"}, units.PercentUnit, red=0.05)
        .axis_soft_max(0.05).no_value("No partner has sent anything."),
        refusals(),
    ]  # fmt: skip
    yield "Timers, and what comes of them"
    yield [
        graph("Timers fired", "In the last hour: people of a publication (scorer), expiries (retention).",
              {"{{job}}": "sum by (job) (increase(goodstanding_timers_fired_total[1h]))"}, steps=True),
        graph("Late", "How long ago the earliest timer that has not fired became due: publications (scorer),"
              " alert above 7200; expiries (retention), alert above 300.",
              {"{{job}}": LATE}, units.Seconds, yellow=300, red=7200),
    ]  # fmt: skip
    yield "Work"
    yield [
        graph("Time of a step", "From reading the state to the acknowledged sending: half (dashed) and all but"
              " a hundredth of the steps.",
              {"{{job}} {{source}} p50": f"histogram_quantile(0.5, {STEPS})",
               "{{job}} {{source}} p99": f"histogram_quantile(0.99, {STEPS})"}, units.Seconds, logarithmic=True)
        .override_by_query("A", [option("custom.lineStyle", common.LineStyle("dash", [6, 6]))]),
        graph("Outbox: oldest", "Age of what is decided and not known to be sent; alert above 60.",
              {"{{job}}": "max by (job) (goodstanding_outbox_oldest_seconds)"}, units.Seconds, red=60),
        graph("Outbox: batches", "Of all shards; every process sees the same.",
              {"{{job}}": "max by (job) (goodstanding_outbox_batches)"}),
        graph("Tried again", "Failures that were tried again, in five minutes.",
              {"{{job}} {{kind}}": f"sum by (job, kind) ({RETRIES_5M})"}, steps=True)
        .no_value("Nothing has failed."),
    ]  # fmt: skip
    yield [
        graph("Shards by process", "Together as many as the topics have partitions (6), for each service.",
              {"{{job}} {{instance}}": "sum by (job, instance) (goodstanding_shards_owned)"}, steps=True),
        readiness(),
    ]  # fmt: skip


# -- panels of their own kind ----------------------------------------------------------------------------------------


def refusals() -> table.Panel:
    columns = {"partner": "partner", "code": "code", "job": "by", "Value": "events"}
    order = {column: index for index, column in enumerate(columns)}
    options = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": columns}
    panel = table.Panel().sort_by([part.TableSortByFieldState().display_name("events").desc(True)])
    panel.with_transformation(dashboard.DataTransformerConfig("organize", options=options))
    panel.no_value("Nothing has been refused.")
    asked = f"topk(50, sum by (job, partner, code) ({REFUSED_24H}) > 0)"
    targets = [prometheus.Dataquery().expr(asked).instant().format(PromQueryFormat.TABLE)]
    return described(panel, "Refused in the last 24 h", "docs/partners.md says what each code means.", targets)


def readiness() -> statetimeline.Panel:
    meanings = {"2": ("ready", "green"), "1": ("not ready", "orange"), "0": ("does not answer", "red")}
    results = {value: dashboard.ValueMappingResult(text, color) for value, (text, color) in meanings.items()}
    panel = statetimeline.Panel().mappings([dashboard.ValueMap(results)])
    asked = "up + on (job, instance) goodstanding_ready or up"
    targets = [prometheus.Dataquery().legend_format("{{job}} {{instance}}").expr(asked).range()]
    return described(panel, "Readiness by process", "Answers Prometheus, and says that it is ready.", targets)


# -- the files -------------------------------------------------------------------------------------------------------

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> dict[str, str]:
    """The text of each dashboard, by the name of its file."""
    return {
        "pipeline.json": text("pipeline", lines()),
        "scores.json": text("scores", scores.lines(), "now-24h"),
        "records.json": text("records and rights", records.lines(), "now-24h"),
        "runtime.json": text("runtime", runtime.lines()),
    }


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when all is well, 1 when a committed dashboard is not the one that is described here."""
    kept = [keep("deploy.grafana.pipeline", FOLDER / name, each, arguments) for name, each in dashboards().items()]
    return max(kept)


if __name__ == "__main__":
    raise SystemExit(main())
