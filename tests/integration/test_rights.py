"""Rights that a broker's authorizer does not give: whose topic may not be written to decides what happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiokafka.protocol.admin import CreateAclsRequest

from goodstanding.platform.servers import Servers, kafka
from shared.contracts.topics import rejected_topic
from shared.kafka import acls
from shared.kafka.topic_admin import administrator
from shared.runner.service import Outgoing
from tests.integration.seen import KEY, ORIGIN, letters, relaying, retried, says
from tests.integration.tiny import Tiny, until

_TOPIC, _LITERAL, _ALLOW = 2, 3, 3
WRITE, DESCRIBE, READ = 4, 8, 3
_NAMES = {WRITE: "write", DESCRIBE: "describe", READ: "read"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Servers]:
    """Its Kafka lets everybody do everything, except with a topic of which it was told who may do what."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            kafka.BEHAVIOR, "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        )
        patch.setitem(kafka.BEHAVIOR, "allow.everyone.if.no.acl.found", "true")
        with Servers.ephemeral() as running:
            yield running


@pytest.fixture
async def tiny(stack: Servers) -> Tiny:
    tiny = Tiny(stack.addresses.kafka, stack.addresses.postgres)
    await tiny.prepare()
    return tiny


async def allow(tiny: Tiny, topic: str, *operations: int) -> None:
    """Everybody may do these with the topic, and from now on nothing else."""
    async with administrator(tiny.kafka) as admin:
        for operation in operations:
            given = CreateAclsRequest(_TOPIC, topic, _LITERAL, "User:ANONYMOUS", "*", operation, _ALLOW)
            answer = await admin._send_request(given)
            assert [code for code, _ in answer.creation_responses] == [0], answer

    async def applied() -> bool:
        """The broker learns of it a moment later, as of the topic itself."""
        known = {each.operation for each in (await acls.held(tiny.kafka)).rights if each.name == topic}
        return known.issuperset(_NAMES[each] for each in operations)

    await until(applied, "the broker goes by it")


@pytest.mark.parametrize("right", [DESCRIBE, WRITE], ids=["before the first", "while it works"])
async def test_a_partners_topic_that_may_not_be_written_to_costs_its_own_messages_only(tiny: Tiny, right: int) -> None:
    refusals = rejected_topic(f"denied-{tiny.name}")
    await tiny.create_topics(refusals, partitions=1)
    service = relaying(
        tiny, lambda _, value: Outgoing(refusals, None, b"refused", ORIGIN, 0) if value == "refused" else None
    )
    if right is DESCRIBE:
        await allow(tiny, refusals, DESCRIBE, READ)
    async with tiny.worker(service) as worker:
        if right is WRITE:
            await tiny.send([(KEY, "refused")])
            await until(lambda: _has(tiny, refusals, 1), "the right is there at first")
            await allow(tiny, refusals, DESCRIBE, READ)
        await tiny.send([(KEY, "1"), (KEY, "refused"), (KEY, "2")])
        await until(lambda: _has(tiny, tiny.letters, 1), "a dead letter")
        await until(lambda: _has(tiny, tiny.target, 2), "the others are forwarded")
        await worker.until_shards(6)
        assert retried(worker) == {"TopicAuthorizationFailedError"}
    assert await letters(tiny) == [("unsendable", "behavior.raw.shop/3/77")]


async def test_a_topic_of_the_platform_that_may_not_be_written_to_is_waited_for(tiny: Tiny) -> None:
    await allow(tiny, tiny.target, DESCRIBE, READ)
    async with tiny.worker(tiny.relay()) as worker:
        await tiny.send([(KEY, "1")])
        await until(lambda: says(worker, "TopicAuthorizationFailedError"), "the shard tells of it")
        await allow(tiny, tiny.target, WRITE)
        await until(lambda: _has(tiny, tiny.target, 1), "what waited was sent")
        await worker.until_shards(6)
    assert await letters(tiny) == []


async def _has(tiny: Tiny, topic: str, count: int) -> bool:
    return len(await tiny.read(topic)) >= count
