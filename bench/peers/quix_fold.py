"""The work on Quix Streams, exactly once, with its state in RocksDB.

Arguments: bootstrap servers, group, source topic, target topic, state directory. Runs in the peers' own environment.
"""

import sys

from quixstreams import Application, State
from rules import event_of, folded


def main() -> None:
    kafka, group, source, target, directory = sys.argv[1:]
    app = Application(
        broker_address=kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        state_dir=directory,
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 20, "batch.size": 262_144},
    )
    events = app.topic(source, key_deserializer="str", value_deserializer="bytes")
    changes = app.topic(target, key_serializer="str", value_serializer="bytes")
    stream = app.dataframe(events).apply(fold, stateful=True)
    stream.filter(lambda change: change is not None).to_topic(changes)
    app.run()


def fold(value: bytes, state: State) -> bytes | None:
    if (event := event_of(value)) is None:
        return None
    # One entry of the store for the whole state: each costs a look-up and a line of the changelog.
    if (step := folded(state.get("state"), event)) is None:
        return None
    after, change = step
    state.set("state", after)
    return bytes(change)


if __name__ == "__main__":
    main()
