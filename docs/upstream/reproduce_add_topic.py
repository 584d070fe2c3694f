"""A consumer with a pattern loses all of its partitions when somebody asks it about one topic that it does not know.

Needs aiokafka alone and a broker:

    pip install aiokafka==0.14.0
    python reproduce_add_topic.py localhost:9092

It makes three topics that match a pattern and one consumer that reads them. Then it asks the consumer for the end of a
topic that does not exist, as an application does that measures the lag of a topic which somebody has just deleted.
Ends with 1 when the consumer has lost partitions of topics that exist.
"""

import asyncio
import re
import sys
import uuid

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

PATIENCE_S = 30.0


async def main(kafka: str) -> int:
    name = f"reproduce-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{name}.{each}", 1, 1) for each in ("a", "b", "c")])
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=name, metadata_max_age_ms=1_000)
    consumer.subscribe(pattern=f"^{re.escape(name)}\\.[abc]$")
    await consumer.start()
    try:
        before = len(consumer.assignment())
        try:
            await asyncio.wait_for(consumer.end_offsets([TopicPartition(f"{name}.gone", 0)]), 3)
        except (KafkaError, TimeoutError) as error:
            print(f"end_offsets() of a topic that does not exist: {type(error).__name__}")
        # Several times as long as the age at which metadata is fetched again, and a rebalance takes.
        for _ in range(int(PATIENCE_S)):
            await asyncio.sleep(1)
            if len(consumer.assignment()) < before:
                break
        after = len(consumer.assignment())
    finally:
        await consumer.stop()
        await admin.delete_topics([f"{name}.{each}" for each in ("a", "b", "c")])
        await admin.close()
    print(f"partitions assigned: {before} before, {after} after")
    return 0 if after == before == 3 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
