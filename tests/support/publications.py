"""What the rules publish of a life that is lived month by month, and the person in whom it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.scorer.core import score
from services.scorer.core.decide import Person, decide
from services.scorer.core.explain import Published
from services.scorer.core.messages import Due, Message
from tests.support.people import JAN, ME, SHIPPED, day, policy_of


def published(
    months: int, monthly: Callable[[int], Sequence[Message]], *others: Message
) -> tuple[Person, list[Published]]:
    """So many months up to January, each with its messages and a publication behind it; `others` come in January."""
    person, rows, before = Person(ME), list[Published](), None
    for month in range(JAN - months + 1, JAN + 1):
        messages = [*monthly(month), *(others if month == JAN else ())]
        for batch, at in (
            (messages, day(month, 20)),
            ([Due(ME, month + 1, day(month + 1, 6, 0), 0, 0)], day(month + 1, 6, 0)),
        ):
            decided = decide(person, batch, at, policy_of(SHIPPED))
            person = decided.person
            if (new := decided.writes.publication) is not None:
                column = score.encode(new.evaluation)
                rows.append(
                    Published(
                        version=new.version,
                        as_of=new.as_of,
                        run=new.run,
                        policy=new.policy,
                        evaluation=column,
                        evaluation_before=before,
                    )
                )
                before = column
    return person, rows
