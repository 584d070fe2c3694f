"""What the runtime dashboard shows: processes, and Kafka and Postgres as their exporters see them.

Kafka's exporter is danielqsj/kafka_exporter, which Strimzi runs too; Postgres' is the Prometheus community's.
"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import prometheus, table
from grafana_foundation_sdk.models import dashboard, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.panels import described, graph, number
from deploy.grafana.queries import rate
from deploy.grafana.whole import Line

# Whatever the platform's database is called; the two templates are nobody's.
OURS = '{datname!~"template.*"}'
CONNECTIONS = "sum(pg_stat_activity_count) / max(pg_settings_max_connections)"
NO_KAFKA = "No exporter of Kafka is scraped."
NO_POSTGRES = "No exporter of Postgres is scraped."


def lines() -> Iterator[str | Line]:
    """Headings and lines from top to bottom. Of a panel: title, description, queries by their series' names, unit."""
    yield "Processes"
    yield [
        graph("CPU", "Cores in use.", {"{{job}} {{instance}}": rate("job, instance", "process_cpu_seconds_total")}),
        graph("Memory", "Resident; a container is ended at 512 MiB, alert above 450.",
              {"{{job}} {{instance}}": "max by (job, instance) (process_resident_memory_bytes)"},
              units.BytesIEC, red=471859200),
        graph("Address space", "What is reserved; what it says is only whether it grows for ever.",
              {"{{job}} {{instance}}": "max by (job, instance) (process_virtual_memory_bytes)"}, units.BytesIEC),
        graph("File descriptors", "Share of those that the process may have; alert above 80 %.",
              {"{{job}} {{instance}}": "max by (job, instance) (process_open_fds / process_max_fds)"},
              units.PercentUnit, red=0.8),
    ]  # fmt: skip
    yield [
        graph("Age", "Since each process started.",
              {"{{job}} {{instance}}": "time() - max by (job, instance) (process_start_time_seconds)"}, units.Seconds),
        of_kind("Releases", "Two lines of one service: an update is under way.",
                "count by (job, version, python) (goodstanding_build_info)", "processes"),
        of_kind("Files that are kept up with", "By what content the services work.",
                "count by (job, file, content) (goodstanding_file_info)", "processes"),
        graph("Clocks", "How far a server's clock is ahead of that of the machine where a service runs; alert above"
              " 120.",
              {"{{job}} {{server}}": "max by (job, server) (abs(goodstanding_clock_ahead_seconds))"},
              units.Seconds, red=120),
    ]  # fmt: skip
    yield "Kafka"
    yield [
        number("Brokers", "That answer.", {"brokers": "max(kafka_brokers)"}, lowest="red", green=1)
        .no_value(NO_KAFKA),
        number("Partitions with too few copies", "Alert after five minutes.",
               {"partitions": "sum(kafka_topic_partition_under_replicated_partition)"}, red=1).no_value(NO_KAFKA),
    ]  # fmt: skip
    yield [
        graph("Appended, by topic", "Records a second.",
              {"{{topic}}": "sum by (topic) (rate(kafka_topic_partition_current_offset[$__rate_interval]))"},
              units.RecordsPerSecond).no_value(NO_KAFKA),
        graph("Kept, by topic", "Records between the oldest and the newest offset; of a compacted topic at most.",
              {"{{topic}}": "sum by (topic) (kafka_topic_partition_current_offset"
                            " - kafka_topic_partition_oldest_offset)"}).no_value(NO_KAFKA),
        graph("Lag by group", "As Kafka has it; services with a database keep their offsets there, not in Kafka.",
              {"{{consumergroup}}": "sum by (consumergroup) (kafka_consumergroup_lag)"}).no_value(NO_KAFKA),
        graph("Leaders", "Partitions that each broker leads.",
              {"broker {{value}}": 'count_values("value", kafka_topic_partition_leader)'}, steps=True)
        .no_value(NO_KAFKA),
    ]  # fmt: skip
    yield "Postgres"
    yield [
        number("Postgres", "1 while its exporter reaches it.", {"up": "min(pg_up)"}, lowest="red", green=1)
        .no_value(NO_POSTGRES),
        number("Connections", "Share of those that it allows; alert above 80 %.",
               {"in use": CONNECTIONS}, units.PercentUnit, yellow=0.6, red=0.8).no_value(NO_POSTGRES),
        number("Size", "Of all databases of the server.",
               {"size": f"sum(pg_database_size_bytes{OURS})"}, units.BytesIEC).no_value(NO_POSTGRES),
    ]  # fmt: skip
    yield [
        graph("Transactions", "Committed, a second, in all databases of the server.",
              {"committed": f"sum(rate(pg_stat_database_xact_commit{OURS}[$__rate_interval]))"},
              units.RequestsPerSecond).no_value(NO_POSTGRES),
        graph("Read from memory", "Share of the blocks that were not read from disk.",
              {"from memory": f"sum(rate(pg_stat_database_blks_hit{OURS}[5m]))"
                              f" / (sum(rate(pg_stat_database_blks_hit{OURS}[5m]))"
                              f" + sum(rate(pg_stat_database_blks_read{OURS}[5m])))"},
              units.PercentUnit).max(1).no_value(NO_POSTGRES),
        graph("Longest transaction", "Of any session; alert above 900.",
              {"longest": "max(pg_stat_activity_max_tx_duration)"}, units.Seconds, red=900).no_value(NO_POSTGRES),
        graph("Deadlocks", "In the last hour; a healthy platform has none.",
              {"deadlocks": f"sum(increase(pg_stat_database_deadlocks{OURS}[1h]))"}).no_value(NO_POSTGRES),
    ]  # fmt: skip


def of_kind(title: str, description: str, asked: str, counted: str) -> table.Panel:
    options = {"excludeByName": {"Time": True}, "renameByName": {"job": "service", "Value": counted}}
    panel = table.Panel().with_transformation(dashboard.DataTransformerConfig("organize", options=options))
    panel.no_value("Nothing is known yet.")
    targets = [prometheus.Dataquery().expr(asked).instant().format(PromQueryFormat.TABLE)]
    return described(panel, title, description, targets)
