"""Any life at all: what somebody did, of any kind and in any month, as Hypothesis draws it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.scorer.core.state import State
from shared.contracts.kinds import KIND_OF, KINDS, Shape
from tests.support.oracle.scores import Event
from tests.support.people import JAN, consent, day, event, state_of


def told(kind: str, time: datetime, id: str, **fields: Any) -> Event:
    """An event as the rule book reads it, of the one person whose life it is."""
    return Event(person="somebody", partner="bank", id=id, time=time, kind=kind, **fields)


def kinds(*shapes: Shape, of: frozenset[str] | None = None) -> st.SearchStrategy[str]:
    return st.sampled_from([k.name for k in KINDS if k.shape in shapes and (of is None or k.name in of)])


ANY_MONTH = st.integers(JAN - 26, JAN + 1)


@st.composite
def lives(
    draw: st.DrawFn,
    size: int = 30,
    of: frozenset[str] | None = None,
    months: st.SearchStrategy[int] = ANY_MONTH,
) -> list[Event]:
    """What somebody did, of any kind or of these, and in any month; no two at one time, so that the latest is the
    latest."""
    amounts, lateness = st.integers(0, 3_000_000), st.sampled_from([0, 0, 0, 1, 5, 29, 30, 89, 120])
    made = st.one_of(
        st.fixed_dictionaries({"kind": kinds(Shape.OBLIGATION, of=of), "amount": amounts, "days_late": lateness}),
        st.fixed_dictionaries(
            {
                "kind": kinds(Shape.ACTIVITY, of=of),
                "count": st.integers(1, 3),
                "amount": amounts,
                "reverses": st.booleans(),
            }
        ),
        st.fixed_dictionaries(
            {"kind": st.just("credit_card.statement"), "amount": amounts},
            optional={"limit": amounts, "reverses": st.booleans()},
        ),
        st.fixed_dictionaries(
            {"kind": kinds(Shape.FIGURE, of=of), "amount": amounts, "consent": st.sampled_from(["c1", "c2"])}
        ),
        kinds(Shape.FACT, of=of).flatmap(
            lambda kind: st.fixed_dictionaries({"kind": st.just(kind), "value": st.sampled_from(KIND_OF[kind].values)})
        ),
    )
    drawn = draw(st.lists(st.tuples(months, st.integers(1, 28), made), max_size=size))
    return [
        told(time=day(month, of_month) + timedelta(seconds=number), id=str(number), **fields)
        for number, (month, of_month, fields) in enumerate(drawn)
    ]


def state_after(life: Sequence[Event]) -> State:
    return state_of(*(_event(one) for one in life))


def _event(one: Event) -> Any:
    shape = KIND_OF[one.kind].shape
    fields: dict[str, Any] = {"amount": one.amount, "count": one.count, "value": one.value, "limit": one.limit}
    if shape is Shape.OBLIGATION:
        fields["days_late"] = one.days_late
    if one.reverses:
        fields["reverses"] = True
    if one.consent:
        fields["consent"] = consent(one.consent)
    return event(one.kind, one.time, one.id, **{name: value for name, value in fields.items() if value is not None})
