"""The permission matrix: a service's role owns its schema, and is denied everything else that Postgres has.

What there is to be denied is read from the catalog, so that whatever a later migration adds is in the matrix.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings
from goodstanding.platform.servers import Addresses
from tests.deploy.compose import Platform

DENIED = asyncpg.InsufficientPrivilegeError
_TABLES, _VIEWS, _SEQUENCES = ["r", "p"], ["v", "m"], ["S"]

_ON_A_TABLE = (
    "select * from {}",
    "select count(*) from {}",
    "insert into {} default values",
    "delete from {}",
    "truncate {}",
    "lock table {} in access share mode",
    "copy {} to stdout",
    "comment on table {} is 'mine'",
    "alter table {} add column mine int",
    "drop table {}",
)
_ON_A_VIEW = ("select * from {}", "drop view {}")
_ON_A_SEQUENCE = ("select nextval('{}')", "select setval('{}', 1)", "select last_value from {}")
_IN_A_SCHEMA = (
    "create table {}.mine (x int)",
    "create view {}.my_view as select 1 as x",
    "create sequence {}.my_sequence",
    "create function {}.mine() returns int language sql return 1",
    "create type {}.my_type as (x int)",
)
_ON_A_SCHEMA = (
    "select {}.mine()",
    "alter schema {} rename to mine",
    "drop schema {} cascade",
    "grant usage on schema {} to public",
)
_ON_A_ROLE = (
    "set role {}",
    "set session authorization {}",
    "alter role {} password 'mine'",
    "grant {} to current_user",
    "drop role {}",
)
_ELSEWHERE = (
    "create table public.mine (x int)",
    "create temporary table mine (x int)",
    "create schema mine",
    "create role mine",
    "create publication mine",
    "select * from pg_authid",
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/mine'",
    "alter role current_user superuser",
    "set role postgres",
    "set session authorization postgres",
)
"""Beside the schemas: files, programs, other databases, the catalog of passwords, and being somebody else."""
_OUTSIDE_A_TRANSACTION = ("create database mine", "alter system set work_mem = '1MB'")


@pytest.fixture(scope="module", params=["here", pytest.param("compose", marks=pytest.mark.campaign)])
async def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The roles and schemas as `goodstanding migrate` makes them, here or in the running containers."""
    if request.param == "compose":
        found: Deployment = request.getfixturevalue("platform").deployment
        return found
    addresses = Addresses(kafka="", postgres=request.getfixturevalue("postgres_dsn"))
    made = Deployment.create(tmp_path_factory.mktemp("permissions"), addresses, FixedSettings.new())
    await made.migrate()
    return made


@pytest.fixture(scope="module", params=STATEFUL)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def role(deployment: Deployment, service: str) -> AsyncIterator[asyncpg.Connection]:
    """Connected as the service is. Whatever a test does is rolled back, also what should have been denied."""
    db = await asyncpg.connect(deployment.dsn(service))
    transaction = db.transaction()
    await transaction.start()
    yield db
    await transaction.rollback()
    await db.close()


async def _relations(db: asyncpg.Connection, schema: str, kinds: list[str]) -> list[str]:
    """Catalogs are everybody's to read; that something is there is no secret."""
    rows = await db.fetch(
        "select quote_ident(nspname) || '.' || quote_ident(relname) from pg_class join pg_namespace on relnamespace ="
        " pg_namespace.oid where nspname = $1 and relkind::text = any ($2) order by 1",
        schema,
        kinds,
    )
    return [row[0] for row in rows]


async def _outcome(db: asyncpg.Connection, statement: str) -> type[Exception] | None:
    """What trying it ends with; afterwards everything is as before."""
    attempt = db.transaction()
    await attempt.start()
    try:
        await db.execute(statement)
    except asyncpg.PostgresError as error:
        return type(error)
    finally:
        await attempt.rollback()
    return None


async def _not_denied(db: asyncpg.Connection, statements: list[str]) -> dict[str, str]:
    outcomes = {statement: await _outcome(db, statement) for statement in statements}
    return {statement: str(outcome) for statement, outcome in outcomes.items() if outcome is not DENIED}


def _each(statements: tuple[str, ...], names: list[str]) -> list[str]:
    return [statement.format(name) for name in names for statement in statements]


async def test_its_own_is_allowed(role: asyncpg.Connection, service: str) -> None:
    tables, views = await _relations(role, service, _TABLES), await _relations(role, service, _VIEWS)
    sequences = await _relations(role, service, _SEQUENCES)
    assert {f"{service}.{name}" for name in ("shard", "outbox", "migration")} < set(tables)
    for name in (*tables, *views):
        await role.fetch(f"select * from {name} limit 1")
    for name in tables:
        for privilege in ("insert", "update", "delete", "truncate"):
            assert await role.fetchval("select has_table_privilege($1, $2)", name, privilege), (name, privilege)
    assert sequences
    for name in sequences:
        assert await role.fetchval(f"select nextval('{name}')")
    for statement in _each(_IN_A_SCHEMA, [service]):
        await role.execute(statement)


async def test_what_is_anothers_is_denied(role: asyncpg.Connection, service: str) -> None:
    for other in sorted({*STATEFUL} - {service}):
        tables, views = await _relations(role, other, _TABLES), await _relations(role, other, _VIEWS)
        sequences = await _relations(role, other, _SEQUENCES)
        assert f"{other}.shard" in tables
        assert sequences
        assert await _not_denied(role, _each(_ON_A_TABLE, tables)) == {}
        assert await _not_denied(role, _each(_ON_A_VIEW, views)) == {}
        assert await _not_denied(role, _each(_ON_A_SEQUENCE, sequences)) == {}
        assert await _not_denied(role, _each((*_IN_A_SCHEMA, *_ON_A_SCHEMA), [other])) == {}
        assert await _not_denied(role, _each(_ON_A_ROLE, [other])) == {}


async def test_the_rest_of_the_server_is_denied(role: asyncpg.Connection, deployment: Deployment, service: str) -> None:
    assert await _not_denied(role, list(_ELSEWHERE)) == {}
    db = await asyncpg.connect(deployment.dsn(service))
    for statement in _OUTSIDE_A_TRANSACTION:
        with pytest.raises(DENIED):
            await db.execute(statement)
    await db.close()


async def test_the_catalog_says_the_same(role: asyncpg.Connection, service: str) -> None:
    """Of every schema: what is in one that may not be used, functions and types included, cannot be reached."""
    usable = await role.fetch(
        "select nspname from pg_namespace where nspname not like 'pg\\_%' and nspname <> 'information_schema'"
        " and (has_schema_privilege(oid, 'usage') or has_schema_privilege(oid, 'create'))"
    )
    assert [row["nspname"] for row in usable] == [service]
    [(attributes,)] = await role.fetch(
        "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        " from pg_roles where rolname = current_user"
    )
    assert attributes is False
    assert await role.fetch("select 1 from pg_auth_members where member = current_user::regrole") == []
    for privilege in ("create", "temporary"):
        assert not await role.fetchval("select has_database_privilege(current_database(), $1)", privilege)


@pytest.mark.campaign
@pytest.mark.parametrize("name", STATEFUL)
async def test_no_other_database_can_be_connected_to(platform: Platform, name: str) -> None:
    db = await asyncpg.connect(platform.deployment.dsn(name))
    others = [row["datname"] for row in await db.fetch("select datname from pg_database where datallowconn")]
    await db.close()
    assert len(others) == 3
    for other in {*others} - {"goodstanding"}:
        with pytest.raises(DENIED):
            await asyncpg.connect(platform.deployment.dsn(name), database=other)


async def test_nobody_gets_in_with_anothers_password(deployment: Deployment, service: str) -> None:
    for other in sorted({*STATEFUL} - {service}):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(deployment.dsn(service), password=deployment.settings.passwords[other])
