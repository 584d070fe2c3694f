"""The work on Bytewax, with its recovery store: at least once, since it has no transaction with Kafka.

Arguments: bootstrap servers, group, source topic, target topic, state directory. Runs in the peers' own environment.
"""

import runpy
import sys
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import init_db_dir
from rules import event_of, folded

BATCH = 5_000


def build(kafka: str, source: str, target: str) -> Dataflow:
    flow = Dataflow("fold")
    read = kop.input("in", flow, brokers=[kafka], topics=[source], tail=True, batch_size=BATCH)
    events = op.filter_map("valid", read.oks, keyed)
    changes = op.stateful_flat_map("fold", events, fold)
    kop.output("out", op.map("message", changes, message), brokers=[kafka], topic=target, add_config={"linger.ms": "5"})
    return flow


def keyed(message: Any) -> tuple[str, dict[str, Any]] | None:
    event = event_of(message.value)
    return None if event is None else (event["person"], event)


def fold(state: Any, event: dict[str, Any]) -> tuple[Any, list[bytes]]:
    step = folded(state, event)
    return (state, []) if step is None else (step[0], [step[1]])


def message(change: tuple[str, bytes]) -> KafkaSinkMessage:
    return KafkaSinkMessage(change[0].encode(), change[1])


def main() -> None:
    kafka, _, source, target, directory = sys.argv[1:]
    Path(directory).mkdir()
    init_db_dir(Path(directory), 1)
    flow = f"bytewax_fold:build({kafka!r}, {source!r}, {target!r})"
    sys.argv = ["bytewax.run", flow, "-r", directory, "-s", "1", "-b", "0"]
    runpy.run_module("bytewax.run", run_name="__main__")


if __name__ == "__main__":
    main()
