"""Keeps the parts of what is known of people: whole sets at once, on the connection of the step's transaction."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from goodstanding.portal.feed.messages import Ends, Forget, Gone, News, Part, Receipt, Write
from goodstanding.portal.hooks import telling
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from services.scorer.core.redaction import redacted
from services.scorer.core.score import decode
from shared.contracts.erasure import ON_THE_WAY_MAX, keyed_name
from shared.contracts.explained import ScoreExplained
from shared.contracts.months import month_start
from shared.contracts.subject import ConsentNoted, SubjectAnswer, SubjectNotice
from shared.postgres import queries
from shared.runner.service import Counted, Db

_SQL = queries(Path(__file__).with_name("store.sql"))


async def endings(db: Db, shard: int, user_ids: Sequence[str]) -> dict[str, dict[str, frozenset[Part]]]:
    """Of these people, the parts that have ended of each erasure that is under way."""
    found: dict[str, dict[str, frozenset[Part]]] = {}
    for row in await db.fetch(_SQL["endings"], shard, [bytes.fromhex(user_id) for user_id in user_ids]):
        found.setdefault(row["user_id"].hex(), {})[row["request_id"]] = frozenset(row["parts"])
    return found


async def come_through(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, frozenset[str]]:
    """Of those of these people who were erased lately, the requests. Nearly always there is nobody."""
    if not await db.fetchval(_SQL["anybody"], shard):
        return {}
    names = {keyed_name(key, user_id): user_id for user_id in user_ids}
    rows = await db.fetch(_SQL["come_through"], shard, list(names))
    return {names[row["person"]]: frozenset(row["requests"]) for row in rows}


async def save_endings(
    db: Db, shard: int, ends: Sequence[Ends], under_way: Mapping[str, Mapping[str, frozenset[Part]]]
) -> None:
    """Write what is under way of those people of whom a part has ended. An erasure that has not come through within the
    time that a message can be on its way never will: this reader began behind a part of it."""
    asked = {(each.user_id, each.request_id): each.time for each in ends}
    user_ids = sorted({bytes.fromhex(each.user_id) for each in ends})
    oldest = max(each.time for each in ends) - ON_THE_WAY_MAX
    await db.execute(_SQL["forget_endings"], shard, user_ids, oldest)
    rows = [
        (bytes.fromhex(user_id), request_id, asked.get((user_id, request_id), ends[-1].time), " ".join(sorted(parts)))
        for user_id in sorted({each.user_id for each in ends})
        for request_id, parts in sorted(under_way.get(user_id, {}).items())
    ]
    if rows:
        await db.execute(_SQL["save_endings"], shard, *_columns(rows))


async def census(db: Db) -> list[Counted]:
    """Of how many people a subscriber has not been told, since deliveries wait or were given up."""
    rows = await db.fetch(_SQL["census"])
    return [Counted("webhook", row["state"], row["people"]) for row in rows]


async def save(db: Db, shard: int, writes: Sequence[Write], zone: tzinfo, key: bytes) -> None:
    """Bring each part up to date, in the order of its topic. What has no order among topics needs none: no part bears
    on another."""
    by_part: dict[Part, list[News | Ends]] = {}
    for each in writes:
        if isinstance(each, News | Ends):
            by_part.setdefault(each.part, []).append(each)
    ended: set[bytes] = set()
    await telling.tell(db, shard, writes)
    for part, messages in sorted(by_part.items()):
        last = {each.user_id: at for at, each in enumerate(messages) if isinstance(each, Ends)}
        if last:
            user_ids = sorted(map(bytes.fromhex, last))
            ended.update(user_ids)
            await db.execute(_SQL[f"end_{part}"], shard, user_ids)
        news = [each for at, each in enumerate(messages) if isinstance(each, News) and at > last.get(each.user_id, -1)]
        if news:
            await _SAVE[part](db, shard, news, zone)
    if ended:
        await db.execute(_SQL["drop_blank"], shard, sorted(ended))
    if gone := [each for each in writes if isinstance(each, Gone)]:
        # By the permissions one knows which subscribers to tell, so they go afterwards. A look that is being written
        # holds the permission that it rests on: the ledger is emptied by a statement that begins when there is none.
        await telling.tell_erased(db, shard, gone)
        user_ids = sorted({bytes.fromhex(each.user_id) for each in gone})
        for name in ("end_permissions", "end_ledger"):
            await db.execute(_SQL[name], shard, user_ids)
        over = [(keyed_name(key, each.user_id), each.request_id, each.time + ON_THE_WAY_MAX) for each in gone]
        await db.execute(_SQL["remember"], shard, *_columns(sorted(over)))
    if receipts := [each for each in writes if isinstance(each, Receipt)]:
        rows = [(keyed_name(key, each.user_id), each.request_id, each.value) for each in receipts]
        await db.execute(_SQL["save_receipts"], shard, *_columns(sorted(rows)))
    if forgets := [each.time for each in writes if isinstance(each, Forget)]:
        await db.execute(_SQL["forget"], shard, max(forgets))
        await db.execute(_SQL["forget_endings"], shard, [], max(forgets) - ON_THE_WAY_MAX)


async def _save_scores(db: Db, shard: int, news: Sequence[News], zone: tzinfo) -> None:
    explained = [(bytes.fromhex(each.user_id), each.body) for each in news if isinstance(each.body, ScoreExplained)]
    scores = {
        (user_id, body.version): (
            user_id,
            body.version,
            body.as_of,
            body.publication,
            body.policy,
            b64decode(body.evaluation),
        )
        for user_id, body in explained
    }
    await db.execute(_SQL["save_scores"], shard, *_columns([scores[key] for key in sorted(scores)]))
    last = dict(explained)
    versions = {row["user_id"]: row["version"] for row in await db.fetch(_SQL["versions"], shard, list(last))}
    rows = [
        (
            user_id,
            body.version,
            body.as_of,
            body.publication,
            body.policy,
            decode(b64decode(body.evaluation)).score,
            b64decode(body.evaluation),
            None if body.state is None else b64decode(body.state),
            body.contacts,
            body.influence,
            body.stability,
        )
        for user_id, body in sorted(last.items())
    ]
    await db.execute(_SQL["save_explained"], shard, *_columns(rows))
    for user_id, body in explained:
        known = versions.get(user_id, body.version)
        if body.redacts or body.version > known + 1:
            # Compaction may have removed what was published in between, and with it the word that a record has ended.
            # If none has, a history without records that are still held is the harm that is smaller.
            await _redact(db, shard, user_id, body.version)
        versions[user_id] = max(known, body.version)
    old = [
        (user_id, body.version, month_start(body.publication - WINDOW_MONTHS_MAX, zone))
        for user_id, body in sorted(last.items())
        if body.publication is not None
    ]
    if old:
        await db.execute(_SQL["forget_scores"], shard, *_columns(old))
        passed = [(user_id, since) for user_id, _, since in old]
        await db.execute(_SQL["forget_consents"], shard, *_columns(passed))


async def _redact(db: Db, shard: int, user_id: bytes, version: int) -> None:
    """As the scorer does with its own history (rules R16)."""
    left = redacted([tuple(row) for row in await db.fetch(_SQL["history"], shard, user_id, version)], version)
    for number, evaluation in left.rewritten:
        await db.execute(_SQL["rewrite_score"], shard, user_id, number, evaluation)
    if left.dropped:
        await db.execute(_SQL["drop_scores"], shard, user_id, list(left.dropped))


async def _save_records(db: Db, shard: int, news: Sequence[News], zone: tzinfo) -> None:
    await db.execute(_SQL["save_records"], shard, *_columns(_last_values(news)))


async def _save_tiers(db: Db, shard: int, news: Sequence[News], zone: tzinfo) -> None:
    await db.execute(_SQL["save_tier"], shard, *_columns(_last_values(news)))


async def _save_answers(db: Db, shard: int, news: Sequence[News], zone: tzinfo) -> None:
    consents = [(bytes.fromhex(each.user_id), each.body) for each in news if isinstance(each.body, ConsentNoted)]
    if consents:
        said = [
            (user_id, of.partner, of.consent_id, of.said_at, of.purpose, of.given_at, of.withdrawn_at)
            for user_id, of in consents
        ]
        await db.execute(_SQL["save_consents"], shard, *_columns(said))
    if told := [each for each in news if not isinstance(each.body, ConsentNoted)]:
        await _save_told(db, shard, told)


async def _save_told(db: Db, shard: int, news: Sequence[News]) -> None:
    rows = {(each.user_id, each.id): (bytes.fromhex(each.user_id), each.id, each.time, each.value) for each in news}
    await db.execute(_SQL["save_answers"], shard, *_columns([rows[key] for key in sorted(rows)]))
    for each in news:
        if (gone := _gone(each.body)) is not None:
            await db.execute(_SQL["forget_told"], shard, bytes.fromhex(each.user_id), gone, each.id)


def _gone(body: object) -> str | None:
    """The record of which it says that nothing is held. A notice then names no kind. An answer says it where somebody
    asked about a record that had gone, which may be noted after the notice of it was read."""
    match body:
        case SubjectNotice(record_id=record_id, kind=None):
            return record_id
        case SubjectAnswer(record_id=record_id, code="no-such-record"):
            return record_id
        case _:
            return None


_SAVE = {"score": _save_scores, "records": _save_records, "tier": _save_tiers, "answers": _save_answers}


def _last_values(news: Sequence[News]) -> list[tuple[object, ...]]:
    last = {bytes.fromhex(each.user_id): each.value for each in news}
    return [(user_id, last[user_id]) for user_id in sorted(last)]


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
