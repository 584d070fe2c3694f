"""Parts of an explanation as lines, alike in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, tzinfo

from goodstanding.person.advice import Advice
from goodstanding.person.explained import Explained, Moved
from goodstanding.person.moved import MovedBy, cause_name
from goodstanding.person.phrases import phrase, signed
from services.scorer.core.reasons.figures import Language, counted, day, listed, money, month
from services.scorer.core.reasons.record_costs import RecordCost
from services.scorer.core.reasons.sentences import Reason
from services.scorer.core.reasons.words import of_kind


def cause_lines(moved: Moved, language: Language, zone: tzinfo) -> list[tuple[int, str]]:
    """The points of each cause, and its name."""
    as_of = moved.as_of.astimezone(zone)
    return [(points, cause_name(cause, as_of, language)) for cause, points in moved.causes.items()]


def first_line(moved: Moved, language: Language) -> str:
    """Of a score before which none is kept."""
    return phrase("first" if moved.version == 1 else "first_kept", language)


def missing_lines(reasons: Sequence[Reason], language: Language) -> list[tuple[int, str, str]]:
    """So many points, whether they are lost or not known yet, and why. What has one sentence is one line."""
    lines: dict[tuple[str, str], int] = {}
    for reason in reasons:
        which = phrase("lost" if reason.lost >= reason.not_known else "not_known", language)
        lines[which, reason.sentence] = lines.get((which, reason.sentence), 0) + reason.best - reason.points
    return sorted(((points, which, sentence) for (which, sentence), points in lines.items()), key=lambda line: -line[0])


def moved_title(found: Explained, language: Language, zone: tzinfo) -> str:
    """Since when, and by how much; or when it last moved. Of the first score that it is the first."""
    at = found.moved_at
    if at == 0:
        return first_line(found.history[-1], language)
    before, moved, last = (found.history[index] for index in (at - 1, at, -1))

    def told(of: Moved) -> str:
        return day(of.as_of.astimezone(zone).date(), language)

    change = signed(moved.change)
    if moved is last:
        return phrase("moved", language, day=told(before), change=change)
    return phrase("moved_last", language, day=told(moved), change=change)


def moved_lines(found: Explained, language: Language) -> list[tuple[str, int, str]]:
    """What moved the last score: causes, and set in below each the items that it moved most. The first is the level."""
    return lines_of(found.moved, language)


def lines_of(by: Sequence[MovedBy], language: Language) -> list[tuple[str, int, str]]:
    """The same of any publication."""
    lines = []
    for moved in by:
        lines.append(("cause", moved.points, moved.name))
        lines += [("item", points, sentence) for points, sentence in moved.items]
        if moved.others:
            lines.append(("item", moved.others_points, phrase("others", language, count=moved.others)))
    return lines


def advice_line(hint: Advice, language: Language) -> str:
    name = "goes_on" if hint.goes_on else "hint"
    values = {"score": hint.score, "without": hint.score - hint.points, "day": day(hint.on, language)}
    space = " " if language == "en" else ""
    return f"{hint.sentence}{space}{phrase(name, language, **values)}"


def outlook_line(found: Explained, language: Language) -> str:
    """What comes of going on as now, and how the next tier is reached, if any way is known."""
    space = " " if language == "en" else ""
    said = (_outlook(found, language), _gone_by_then(found, language), _to_the_next_tier(found, language))
    return space.join(filter(None, said))


def _outlook(found: Explained, language: Language) -> str:
    """After one month, half a year and a year."""
    if len({each.score for each in found.outlook}) == 1:
        return phrase("outlook_same", language, score=found.outlook[0].score)
    told = [found.outlook[index] for index in (0, 5, 11) if index < len(found.outlook)]
    said = [phrase("outlook_score", language, score=each.score, day=day(each.on, language)) for each in told]
    return phrase("outlook", language, scores=listed(said, language))


def _gone_by_then(found: Explained, language: Language) -> str:
    """The records that cost points today and lapse within the outlook, which rises for them."""
    until = found.outlook[-1].on
    lapse = [(r.kind, r.lapses_on) for r in found.records if r.points and r.lapses_on and r.lapses_on <= until]
    if not lapse:
        return ""
    names = [
        phrase("lapses", language, name=of_kind(kind)[0 if language == "en" else 1], day=day(on, language))
        for kind, on in lapse
    ]
    return phrase("gone_by_then", language, records=listed(names, language))


def _to_the_next_tier(found: Explained, language: Language) -> str:
    tier = found.next_tier
    if tier is None:
        return ""
    if tier.reached_on is not None:
        return phrase("reached_on", language, name=tier.name, day=day(tier.reached_on, language))
    name = "reached_by" if tier.reached_by else "reached_by_none"
    return phrase(name, language, name=tier.name, sentence=tier.reached_by)


def tier_line(found: Explained, language: Language) -> str:
    """The tier, and how far the next one is."""
    following = next_tier_line(found, language)
    told = [tier_name(found, language), *([following] if following else [])]
    return ("; " if language == "en" else "；").join(told) + ("." if language == "en" else "。")


def tier_name(found: Explained, language: Language) -> str:
    return found.tier or phrase("no_tier", language)


def next_tier_line(found: Explained, language: Language) -> str:
    """How far the next tier is; nothing at the top."""
    if (following := found.next_tier) is None:
        return ""
    missing = counted(following.missing, language)
    return phrase("next_tier", language, name=following.name, begins_at=following.begins_at, missing=missing)


def restricted_line(found: Explained, language: Language) -> str:
    return phrase("restricted", language, names=("; " if language == "en" else "、").join(found.closed))


def record_line(record: RecordCost, gone_if_settled: Mapping[str, date], currency: str, language: Language) -> str:
    """What a record costs, and when its points come back."""
    told = [of_kind(record.kind)[0 if language == "en" else 1]]
    if record.amount is not None:
        told.append(money(record.amount, currency, language))
    cost = phrase("record_cost", language, points=counted(-record.points, language))
    told.append(cost if record.points else phrase("record_free", language))
    if record.points_when_settled is None:
        told.append(phrase("record_settled", language))
    else:
        gone = day(gone_if_settled[record.record_class], language)
        name = "record_open" if record.points else "record_open_free"
        told.append(phrase(name, language, points=-record.points_when_settled, day=gone))
    for number, points in record.eases[:2]:
        told.append(phrase("record_eases", language, month=month(number, language), points=-points))
    if record.lapses_on is not None:
        told.append(phrase("record_lapses", language, day=day(record.lapses_on, language)))
    text = ("; " if language == "en" else "；").join(told)
    return f"{text[0].upper()}{text[1:]}." if language == "en" else f"{text}。"
