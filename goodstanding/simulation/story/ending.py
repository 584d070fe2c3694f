"""The end of the story: one person's years, as a subscriber heard of them, and nothing that it did not hear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from rich.console import Group
from rich.table import Table
from rich.text import Text

from goodstanding.person.chart import chart
from goodstanding.simulation.events_and_news import RecordNews, ScoreNews, TierNews
from goodstanding.simulation.rule_book import read_policy
from goodstanding.simulation.stage import POLICIES
from goodstanding.simulation.story.cast import ZONE
from goodstanding.simulation.story.play import Heard
from shared.contracts.kinds import KIND_OF
from shared.policy_file import TIERS

_STYLES = ("red", "yellow", "green", "cyan", "magenta")
_NAMED_MAX = 3
_BY_STATUS = {"open": "reported", "settled": "settled", "expired": "has lapsed, and is erased"}
_COUNTS_NOW = "counts from now on: the person has known of it for long enough"


def ending(heard: Heard) -> Group:
    """The person's chart, and under it what moved it."""
    names = _Names()
    title = Text.assemble(("\nThe story of ", "bold"), (heard.account, "bold cyan"), (", an invented person", "bold"))
    line = Text(f"Score on each 6th, from {heard.scores[0].as_of.astimezone(ZONE):%B %Y} on:\n", style="dim")
    local = [news._replace(as_of=news.as_of.astimezone(ZONE)) for news in heard.scores]
    return Group(title, line, chart(local, names.tier_starts, _STYLES), Text(), _events(heard, names))


class _Names:
    """What the tier table calls tiers and benefits."""

    def __init__(self) -> None:
        table = read_policy(POLICIES / TIERS)
        self.tier_starts = {tier["from"]: tier["name"] for tier in table["tiers"]}
        self.of = {tier["code"]: tier["name"] for tier in table["tiers"]}
        self.of |= {benefit["code"]: benefit["name"] for tier in table["tiers"] for benefit in tier["benefits"]}

    def listed(self, codes: Sequence[str]) -> str:
        """The names of the best ones, which come last in the table, and how many more there are."""
        best = [_short(self.of[code]) for code in reversed(codes)][:_NAMED_MAX]
        more = len(codes) - len(best)
        return ", ".join([*best, f"{more} more"] if more else best)


def _events(heard: Heard, names: _Names) -> Table:
    """A row for each change of a record or tier, in order."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    rows = [*_of_records(heard), *_of_tiers(heard, names)]
    for instant, words in sorted(rows, key=lambda row: row[0]):
        table.add_row(f"{instant.astimezone(ZONE):%-d %b %Y}", _score_at(heard.scores, instant), words)
    return table


def _of_records(heard: Heard) -> Iterator[tuple[datetime, Text]]:
    for record in heard.records:
        # The last of its news does not say any more what it was.
        kind = record[0].kind
        assert kind is not None
        for before, news in pairwise((None, *record)):
            assert news is not None
            counts_now = before is not None and news.counts and not before.counts
            yield news.heard_at, _of_record(KIND_OF[kind].title, news, counts_now=counts_now)


def _of_record(title: str, news: RecordNews, *, counts_now: bool) -> Text:
    words = Text.assemble((f"{title} ", "bold"), _COUNTS_NOW if counts_now else _BY_STATUS[news.status])
    if news.lapses_at and not counts_now:
        words.append(
            f"; ended on {news.ended_on:%-d %B %Y}, so it lapses on {news.lapses_at.astimezone(ZONE):%-d %B %Y}"
        )
    return words


def _of_tiers(heard: Heard, names: _Names) -> Iterator[tuple[datetime, Text]]:
    tier: str | None = None
    for news in heard.tiers:
        yield news.as_of, _of_tier(news, tier, names)
        tier = news.tier


def _of_tier(news: TierNews, before: str | None, names: _Names) -> Text:
    words = Text()
    if news.tier != before:
        words.append(names.of[news.tier] if news.tier else "Below the first tier", style="bold")
    elif news.restrictions:
        words.append(f"Restricted: {', '.join(news.restrictions)}", style="bold red")
    else:
        words.append("Restrictions lifted", style="bold")
    if news.granted:
        words.append(f"  + {names.listed(news.granted)}", style="green")
    if news.revoked:
        words.append(f"  - {names.listed(news.revoked)}", style="red")
    return words


def _score_at(scores: Sequence[ScoreNews], instant: datetime) -> str:
    """The score before the instant and after it: `712 → 640`, or one number where it did not move."""
    before = [news.score for news in scores if news.as_of < instant]
    after = [news.score for news in scores if news.as_of <= instant]
    if before and after[-1] != before[-1]:
        return f"{before[-1]} → {after[-1]}"
    return str(after[-1])


def _short(name: str) -> str:
    """A benefit's name without its explanation, as it stands within a line."""
    name = name.partition(":")[0]
    return name[:1].lower() + name[1:]
