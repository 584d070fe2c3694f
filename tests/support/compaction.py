"""Topics that Kafka compacts while a test waits."""

SOON = {
    "cleanup.policy": "compact",
    "message.timestamp.type": "LogAppendTime",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "1000",
}
"""Compaction within seconds. What differs from the real topics is only how long it waits."""
