"""Asks everybody: files, processes, Kafka, Postgres and what the services have written down there."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import asyncpg
import msgspec
from aiokafka.errors import KafkaError

from goodstanding import policies
from goodstanding.dead_letters.redrive import look as look_at_letters
from goodstanding.dead_letters.rules import open_letters
from goodstanding.doctor.brokers import ask, needs, of_brokers
from goodstanding.doctor.findings import (
    DURABLE,
    Finding,
    Verdict,
    and_start,
    look,
    of_clocks,
    of_disk,
    of_durability,
    of_erasures,
    of_group,
    of_letters,
    of_migrations,
    of_outbox,
    of_parts,
    of_rights,
    of_topics,
    of_words,
    ok,
    service_of,
    without,
    wrong,
)
from goodstanding.errors import UserError
from goodstanding.loading.backfill import unfinished
from goodstanding.person import erasing
from goodstanding.platform import acl_plan, files_in_force
from goodstanding.platform.deployment import Deployment, migrations, partners
from goodstanding.platform.stack import Stack
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.topic import between
from goodstanding.waiting_for_word import waiting_for_word
from shared import postgres
from shared.contracts.rights import SUBSCRIBER
from shared.contracts.topics import group_of
from shared.kafka import groups, topic_admin
from shared.kafka.between import STANDSTILL_S, StandstillError
from shared.kafka.connection import connection_of
from shared.runner.timekeeper import measured
from shared.settings import ServiceSettings
from shared.toml_file import ConfigError
from shared.trust import Witness, machine_time

Examination = Callable[[Deployment], AsyncIterator[Finding]]
_About = tuple[str, Examination, *tuple[str, ...]]
_PATIENCE_S = STANDSTILL_S + 10
_COUNTED_MAX = 1_000
"""So few offsets are read, to tell records from the markers of transactions: a platform at rest has some markers that
no service has noted as handled."""
_COUNTED_WITHIN_S = 5.0
_SENT_WITHIN = timedelta(minutes=1)
_offsets = msgspec.json.Decoder(dict[str, int])


def examine(stack: Stack) -> Iterator[Finding]:
    """Everything about the deployment, causes before what follows from them. Raises UserError where nothing is set
    up."""
    deployment = stack.deployment
    # Where others run the services, their groups in Kafka tell of them.
    parts = [] if stack.uses_given_servers else stack.status()
    yield from _files(deployment)
    yield from _disk(stack)
    if deployment.settings.backfill:
        yield look("backfill", *unfinished(deployment.settings.backfill))
    away: list[str] = []
    still: set[str] = set()
    for each in _each_of(_CAUSES, deployment, away):
        if each.verdict is Verdict.WRONG and (service := service_of(each)):
            still.add(service)
            yield and_start(each) if any(part.name == service and part.pid is None for part in parts) else each
        else:
            yield each
    yield from without(still, of_parts(parts))
    yield from without(still, _each_of(_EXAMINATIONS, deployment, away))
    if away:
        yield look("the rest", f"Not asked, since it rests on {' and '.join(away)}.", "Ask again when it answers.")


def _each_of(examinations: Iterable[_About], deployment: Deployment, away: list[str]) -> Iterator[Finding]:
    """`away` names those that did not answer, and gets further ones."""
    for about, examination, *needed in examinations:
        if not set(needed) & set(away):
            found, answered = asyncio.run(_asked(about, examination, deployment))
            yield from found
            away += [] if answered else [about]


async def _asked(about: str, examination: Examination, deployment: Deployment) -> tuple[list[Finding], bool]:
    """What the examination finds, and whether all of it could be asked."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for each in examination(deployment):
                found.append(each)
    except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, UserError) as error:
        told = str(error) if isinstance(error, UserError) else f"It cannot be asked ({type(error).__name__})."
        return [*found, wrong(about, told, "See what runs: goodstanding local status")], False
    return found, True


# -- this machine ----------------------------------------------------------------------------------------------------


def _files(deployment: Deployment) -> Iterator[Finding]:
    try:
        policies.check_all(deployment.settings)
    except (ConfigError, UserError) as error:
        yield wrong("files", str(error), "Services keep what they have read, and would not start again with this.")
        return
    if edited := files_in_force.edited(deployment):
        for sentence in edited:
            told, _, remedy = sentence.partition(". ")
            yield look("files", f"{told}.", remedy)
    else:
        yield ok("files", "Policies and mappings have no faults, and running services have read them as they are.")


def _disk(stack: Stack) -> Iterator[Finding]:
    if stack.home.exists():
        usage = shutil.disk_usage(stack.home)
        yield of_disk(str(stack.home), usage.free, usage.total)


# -- Kafka -----------------------------------------------------------------------------------------------------------


async def _kafka(deployment: Deployment) -> AsyncIterator[Finding]:
    async with topic_admin.administrator(deployment.addresses.login) as admin:
        cluster = await admin.describe_cluster()
        told = await ask(admin, [each["node_id"] for each in cluster["brokers"]])
    answering = "1 broker answers" if len(told) == 1 else f"{len(told)} brokers answer"
    yield ok("kafka", f"{answering}, of cluster {cluster['cluster_id']}.")
    for each in of_brokers(told, needs(deployment.settings.replication_factor)):
        yield each
    for each in of_topics(
        await topic_admin.compare_topics(deployment.addresses.login, partners(), deployment.settings.replication_factor)
    ):
        yield each
    login = connection_of(deployment.addresses.login)
    if login.uses_sasl:
        yield of_rights(await acl_plan.plan(login, partners(), [SUBSCRIBER]))


async def _groups(deployment: Deployment) -> AsyncIterator[Finding]:
    async with topic_admin.administrator(deployment.addresses.login) as admin:
        members = await groups.members(admin, [group_of(service) for service in deployment.settings.services])
    async with asking(deployment.addresses.login) as offsets:
        for service in deployment.settings.services:
            yield of_group(service, members.get(group_of(service), 0), await _waiting(deployment, offsets, service))


async def _waiting(deployment: Deployment, offsets: Offsets, service: str) -> int | None:
    """How many records of its inputs it has not handled. Of many it is at most so many: the markers of transactions,
    which have offsets and are no records, count as well."""
    if service in deployment.settings.stateful:
        handled = await _handled(deployment, service)
    else:
        handled = {(tp.topic, tp.partition): at for tp, at in (await offsets.committed(group_of(service))).items()}
    topics = await offsets.existing(sorted({topic for topic, _ in handled}))
    kept = await offsets.kept(topics) if topics else {}
    ends = {tp: each.stop for tp, each in kept.items() if (tp.topic, tp.partition) in handled}
    begins = {tp: min(max(handled[tp.topic, tp.partition], kept[tp].start), end) for tp, end in ends.items()}
    at_most = sum(end - begins[tp] for tp, end in ends.items())
    if at_most <= _COUNTED_MAX:
        # A transaction that somebody leaves open hides what stands behind it.
        with suppress(TimeoutError, StandstillError):
            async with asyncio.timeout(_COUNTED_WITHIN_S):
                return len([None async for _ in between(deployment.addresses.login, begins, ends)])
    return at_most


async def _handled(deployment: Deployment, service: str) -> dict[tuple[str, int], int]:
    db = await asyncpg.connect(deployment.dsn(service))
    try:
        rows = await db.fetch("select shard, offsets from shard")
    finally:
        await db.close()
    return {(topic, row["shard"]): at for row in rows for topic, at in _offsets.decode(row["offsets"]).items()}


async def _letters(deployment: Deployment) -> AsyncIterator[Finding]:
    looked = await look_at_letters(deployment.addresses.login)
    undone = [f"{each.position} ({each.code})" for each in open_letters(looked.letters)]
    if undone or looked.standstill is None:
        yield of_letters(undone)
    if looked.standstill is not None:
        yield wrong("dead letters", looked.standstill.sentence, looked.standstill.advice)


# -- Postgres --------------------------------------------------------------------------------------------------------


async def _postgres(deployment: Deployment) -> AsyncIterator[Finding]:
    servers = deployment.addresses.by_postgres(deployment.settings.stateful)
    witnesses: list[Witness] = []
    for services in servers.values():
        about = "postgres" if len(servers) == 1 else f"postgres of {', '.join(services)}"
        try:
            found, witness = await _of_server(about, deployment.dsn(services[0]))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if len(servers) == 1:
                raise
            told = f"That of {', '.join(services)} cannot be asked ({type(error).__name__})."
            raise UserError(told) from error
        witnesses.append(witness)
        for each in found:
            yield each
    yield of_clocks(witnesses, ServiceSettings.model_fields["clock_tolerance_s"].default)


async def _of_server(about: str, dsn: str) -> tuple[list[Finding], Witness]:
    """What is found on this Postgres, and what its clock shows."""
    db = await asyncpg.connect(dsn)
    try:
        version = str(await db.fetchval("show server_version"))
        read_only = await db.fetchval(
            "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool"
        )
        settings = {row["name"]: row["setting"] for row in await db.fetch(_SETTINGS, list(DURABLE))}

        async def ask() -> datetime:
            shown: datetime = await db.fetchval("select clock_timestamp()")
            return shown

        witness = await measured(about.capitalize(), machine_time, ask)
    finally:
        await db.close()
    writes = ok(about, f"Version {version} answers and takes writes.")
    if read_only:
        writes = wrong(about, "It takes no writes.", "Services wait until it does: promote it, or name the primary.")
    return [writes, of_durability(about, settings)], witness


_SETTINGS = "select name, setting from pg_settings where name = any($1)"


async def _schemas(deployment: Deployment) -> AsyncIterator[Finding]:
    for service in deployment.settings.stateful:
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            applied = await postgres.applied(db)
            batches, oldest_s = await db.fetchrow(_OUTBOX) or (0, None)
        finally:
            await db.close()
        known = [postgres.migration_name(file) for file in postgres.migration_files(migrations(service))]
        yield of_migrations(service, known, applied)
        if applied:
            yield of_outbox(service, batches, timedelta(seconds=oldest_s or 0), _SENT_WITHIN)


_OUTBOX = "select count(*), extract(epoch from clock_timestamp() - min(created_at))::float8 from outbox"


async def _words(deployment: Deployment) -> AsyncIterator[Finding]:
    found = False
    for service in deployment.settings.services:
        waiting = await waiting_for_word(deployment, service)
        for topic, sentences in (
            ("clock", [each.found.sentence for each in waiting if not each.shards]),
            ("offsets", [each.found.sentence for each in waiting if each.shards]),
        ):
            if sentences:
                found = True
                yield of_words(service, topic, sentences)
    if not found:
        yield ok("one story", "Kafka and Postgres agree, and no service waits for your word.")


async def _erasures(deployment: Deployment) -> AsyncIterator[Finding]:
    under_way, _ = await erasing.look(deployment)
    yield of_erasures([each.request_id for each in under_way if each.is_overdue], len(under_way))


_CAUSES: tuple[_About, ...] = (
    ("kafka", _kafka),
    ("postgres", _postgres),
    ("one story", _words, "kafka", "postgres"),
)
"""Each with those whose answer it rests on. What is wrong here makes more go wrong."""
_EXAMINATIONS: tuple[_About, ...] = (
    ("schemas", _schemas, "postgres"),
    ("services", _groups, "kafka", "postgres"),
    ("dead letters", _letters, "kafka"),
    ("erasures", _erasures, "postgres"),
)
