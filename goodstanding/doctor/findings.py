"""What an examination says, and the rules by which it judges what it has measured. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from goodstanding.platform.acl_plan import Plan
from goodstanding.platform.stack import Part
from shared.kafka.topic_admin import TopicReport
from shared.trust import Witness, disagreement

WAITING_MAX = 20_000
"""Records that a group has not handled. With more, it is further behind than some seconds of work."""
FREE_SHARE_MIN = 0.10
"""Of the disk: Kafka and Postgres both need room to tidy up."""
LETTERS_SHOWN_MAX = 3
_SERVICE = "service "


class Verdict(StrEnum):
    """`look` asks for a person's judgment; only what is `wrong` makes the command end with 1."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined. `remedy` says what to do next, where something is to be done."""

    about: str
    verdict: Verdict
    sentence: str
    remedy: str = ""


def ok(about: str, sentence: str) -> Finding:
    return Finding(about, Verdict.OK, sentence)


def look(about: str, sentence: str, remedy: str) -> Finding:
    return Finding(about, Verdict.LOOK, sentence, remedy)


def wrong(about: str, sentence: str, remedy: str) -> Finding:
    return Finding(about, Verdict.WRONG, sentence, remedy)


def of_parts(parts: Sequence[Part]) -> Iterator[Finding]:
    """`parts` are the servers and processes of the local platform; empty where others run them."""
    for part in parts:
        if part.trouble:
            remedy = f"Start it: goodstanding local up; why it ended: goodstanding local logs {part.name}"
            if part.pid:
                remedy = f"If that lasts, see its log: goodstanding local logs {part.name}"
            yield wrong(part.name, f"It is not ready: {part.trouble}.", remedy)
    if parts and not any(part.trouble for part in parts):
        yield ok("processes", f"{', '.join(part.name for part in parts)} are ready.")


def of_words(service: str, topic: str, sentences: Sequence[str]) -> Finding:
    """`sentences` say what stops the service until the operator decides by the commands of `topic`, one at least."""
    more = f" And {len(sentences) - 1} more like it." if len(sentences) > 1 else ""
    return wrong(f"{_SERVICE}{service}", sentences[0] + more, f"Decide: goodstanding {topic} check {service}")


def and_start(finding: Finding) -> Finding:
    """The finding about a service that is not running besides."""
    return replace(finding, remedy=f"{finding.remedy}; then start it: goodstanding local up")


def service_of(finding: Finding) -> str:
    """The service that the finding is about; empty for another one."""
    return finding.about.removeprefix(_SERVICE) if finding.about.startswith(_SERVICE) else ""


def without(services: Collection[str], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out that these services do not work: why they do not was told before."""
    for each in findings:
        if each.verdict is not Verdict.WRONG or (service_of(each) or each.about) not in services:
            yield each


def of_topics(report: TopicReport) -> Iterator[Finding]:
    """`report` compares the topics that exist with the table."""
    if report.missing:
        yield wrong("topics", f"Missing: {', '.join(report.missing)}.", "Make them: goodstanding topics")
    for each in report.differences:
        say, where = (
            wrong if each.must_hold else look,
            "" if each.must_hold else " Some platforms decide that themselves.",
        )
        yield say("topics", f"{each.topic}: {each.setting} is {each.found}, not {each.expected}.{where}", each.remedy)
    if not report.missing and not report.differences:
        yield ok("topics", f"All {len(report.right)} topics are as the table says.")


def of_rights(plan: Plan) -> Finding:
    """`plan` compares Kafka's rights with those that the table of topics gives."""
    if plan.is_done:
        return ok("rights", f"All {len(plan.right)} rights of the table of topics are given, and no others.")
    told = f"{len(plan.missing)} are missing, {len(plan.surplus)} are too much, {len(plan.others)} are of another kind."
    return wrong("rights", told, "See which: goodstanding acl plan; put them right: goodstanding acl apply")


def of_migrations(service: str, known: Sequence[str], applied: Sequence[str]) -> Finding:
    """`known` are the migrations of this release, `applied` those that the database has."""
    about = f"schema {service}"
    if newer := sorted(set(applied) - set(known)):
        sentence = f"It has migrations that this release does not know: {', '.join(newer)}."
        return wrong(about, sentence, "A newer release has been here. Run that one, or restore a copy from before it.")
    if missing := [name for name in known if name not in set(applied)]:
        return wrong(about, f"Not applied yet: {', '.join(missing)}.", "Apply them: goodstanding migrate")
    return ok(about, f"All {len(known)} migrations are applied.")


DURABLE: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "zero_damaged_pages": "off",
}
"""What Postgres must have, or a commit may be gone after its machine has lost power."""


def of_durability(server: str, settings: Mapping[str, str]) -> Finding:
    """`settings` are those of this Postgres, as `pg_settings` has them."""
    about = f"{server} durability"
    differing = [f"{name} is {settings[name]}" for name, value in DURABLE.items() if settings.get(name, value) != value]
    if differing:
        remedy = "Without that, a commit may be lost when the power fails: set it in postgresql.conf, and reload."
        return wrong(about, f"{', '.join(differing)}.", remedy)
    return ok(about, "A commit is on disk before anything is sent because of it.")


def of_clocks(witnesses: Sequence[Witness], tolerance_s: float) -> Finding:
    if sentence := disagreement(witnesses, tolerance_s):
        return wrong("clocks", sentence, "Services decide nothing until then.")
    said = ", ".join(f"{each.name} {each.ahead_s:+.1f} s" for each in witnesses)
    return ok("clocks", f"Against this machine's: {said}.")


def of_group(service: str, members: int, waiting: int | None) -> Finding:
    """`waiting` counts the records of its input that are not handled yet; None where that is not known."""
    about = f"{_SERVICE}{service}"
    if not members:
        return wrong(about, "No process of it is in its group.", f"Start one: goodstanding local up, or run {service}")
    told = f"{members} process{'es' if members > 1 else ''} in its group"
    if waiting is None:
        return ok(about, f"{told}.")
    if waiting > WAITING_MAX:
        remedy = f"If this number grows for minutes, start one more process, and read its log: local logs {service}"
        return look(about, f"{told}, and {waiting:,} records wait.", remedy)
    return ok(about, f"{told}, and {waiting:,} records wait.")


def of_letters(undone: Iterable[str]) -> Finding:
    """`undone` are the positions of dead letters about which nothing has been done yet."""
    positions = list(undone)
    if not positions:
        return ok("dead letters", "None waits for somebody.")
    shown = ", ".join(positions[:LETTERS_SHOWN_MAX])
    more = f", and {len(positions) - LETTERS_SHOWN_MAX} more" if len(positions) > LETTERS_SHOWN_MAX else ""
    return look("dead letters", f"{len(positions)} wait: {shown}{more}.", "See why: goodstanding dead-letters ls")


def of_erasures(overdue: Sequence[str], under_way: int) -> Finding:
    """`overdue` has the requests that not every service has confirmed in time."""
    if overdue:
        sentence = f"Not confirmed in time: {', '.join(overdue)}."
        return wrong("erasures", sentence, "A service has not erased yet; see which one is not ready: local status")
    return ok("erasures", f"{under_way} under way, none overdue." if under_way else "None is under way.")


def of_disk(where: str, free_bytes: int, total_bytes: int) -> Finding:
    share = free_bytes / total_bytes if total_bytes else 0.0
    told = f"{free_bytes / 2**30:.1f} GiB of {total_bytes / 2**30:.1f} GiB are free at {where}."
    if share < FREE_SHARE_MIN:
        return wrong("disk", told, "Make room, or move the data to a larger disk, before Kafka and Postgres stop.")
    return ok("disk", told)


def of_outbox(service: str, batches: int, oldest: timedelta, patience: timedelta) -> Finding:
    """What the service has decided and not sent yet."""
    about = f"outbox {service}"
    if batches and oldest > patience:
        sentence = f"{batches} batches wait to be sent, the oldest for {round(oldest.total_seconds())} s."
        return wrong(about, sentence, f"Kafka refuses them, or nobody sends. Read the log: local logs {service}")
    return ok(about, "What was decided has been sent." if not batches else f"{batches} batches are being sent.")
