"""Parts of an explanation as lines, alike in the terminal and on the page."""

from __future__ import annotations

from goodstanding.person.explained import Moved
from goodstanding.person.phrases import phrase
from services.scorer.core.reasons.figures import Language, day, money, month
from services.scorer.core.reasons.record_costs import RecordCost
from services.scorer.core.reasons.words import CAUSES, KINDS


def cause_lines(moved: Moved, language: Language) -> list[tuple[int, str]]:
    """The points of each cause, and its name."""
    return [(points, CAUSES[cause][0 if language == "en" else 1]) for cause, points in moved.causes.items()]


def record_line(record: RecordCost, currency: str, language: Language) -> str:
    """What a record costs, and when its points come back."""
    told = [KINDS[record.kind][0 if language == "en" else 1]]
    if record.amount is not None:
        told.append(money(record.amount, currency, language))
    told.append(phrase("record_cost", language, points=-record.points))
    if record.points_when_settled is None:
        told.append(phrase("record_settled", language))
    else:
        told.append(phrase("record_open", language, points=-record.points_when_settled))
    for number, points in record.eases[:2]:
        told.append(phrase("record_eases", language, month=month(number, language), points=-points))
    if record.lapses_on is not None:
        told.append(phrase("record_lapses", language, day=day(record.lapses_on, language)))
    elif not record.is_settled:
        told.append(phrase("record_stays", language))
    text = ("; " if language == "en" else "；").join(told)
    return f"{text[0].upper()}{text[1:]}." if language == "en" else f"{text}。"
