"""The closed set of features: what a rule of a scorecard can look at. Each is one block in one of these files.

A feature reads complete calendar months (`months`), what was told (`stated`), or contacts, and gives a value together
with what it rests on, or nothing where it is unknown. Integers only (rules S3).
"""

from __future__ import annotations

from typing import TypeAlias

from services.scorer.core.features.activity import (
    ActiveInARow,
    Begun,
    Count,
    History,
    KindMonths,
    MonthsActive,
    Ratio,
    Regular,
    Sum,
    Trend,
    Variety,
)
from services.scorer.core.features.punctuality import DaysLate, KeptInARow, MonthsLate, MonthsSince, Share, Worst
from services.scorer.core.features.stated import (
    ContactsStanding,
    Fact,
    FigureMonths,
    Influence,
    Stability,
    SteadyFigure,
)

AnyFeature: TypeAlias = (
    Count
    | KindMonths
    | Sum
    | MonthsActive
    | Regular
    | ActiveInARow
    | Variety
    | Begun
    | History
    | Ratio
    | Trend
    | Share
    | Worst
    | MonthsSince
    | MonthsLate
    | DaysLate
    | KeptInARow
    | Fact
    | SteadyFigure
    | FigureMonths
    | ContactsStanding
    | Influence
    | Stability
)
