"""The table of transitions: what everything that can happen does to a record in each state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from tests.support.record_lives import NOON, Life, dispute_of

D1 = dispute_of("q-1")

# What happens, and what it leads to: for each outcome the states in which it is that one.
TRANSITIONS: Mapping[str, tuple[Callable[[Life], list[str]], Mapping[str, str]]] = {
    "reported again": (
        lambda life: life.report(),
        {
            "reported: open v1": "nothing",
            "reported: open v1; changed: settled v2 2025-09-15": "unreported",
            "repeated": "open | settled | disputed | settled, disputed | confirmed | corrected | unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "reported, another beginning": (
        lambda life: life.report(began=date(2025, 3, 2)),
        {
            "reported: open v1": "nothing",
            "reported: open v1; changed: settled v2 2025-09-15": "unreported",
            "refused conflict began_on": (
                "open | settled | disputed | settled, disputed | confirmed | corrected | unverifiable"
            ),
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "reported, another amount": (
        lambda life: life.report(amount=100),
        {
            "reported: open v1": "nothing",
            "reported: open v1; changed: settled v2 2025-09-15": "unreported",
            "changed: open v2": "open",
            "refused conflict amount": "settled | settled, disputed | corrected",
            "changed: disputed v3 dark": "disputed",
            "changed: confirmed v4": "confirmed",
            "changed: unverifiable v4 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "reported, certified": (
        lambda life: life.report(certificate="c-1"),
        {
            "reported: open v1": "nothing",
            "reported: open v1; changed: settled v2 2025-09-15": "unreported",
            "repeated": "open | settled | disputed | settled, disputed | confirmed | corrected | unverifiable",
            "refused lapsed report_id": "lapsed",
            "returned: open v1": "deleted",
        },
    ),
    "settled": (
        lambda life: life.report("settled"),
        {
            "waits": "nothing",
            "repeated": "unreported | settled | settled, disputed | corrected",
            "changed: settled v2 2025-09-15": "open",
            "changed: disputed v3 2025-09-15 dark": "disputed",
            "changed: confirmed v4 2025-09-15": "confirmed",
            "changed: unverifiable v4 2025-09-15 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "settled, an earlier day": (
        lambda life: life.report("settled", ended=date(2025, 9, 10)),
        {
            "waits": "nothing | unreported",
            "changed: settled v2 2025-09-10": "open",
            "changed: settled v3 2025-09-10": "settled",
            "changed: disputed v3 2025-09-10 dark": "disputed",
            "changed: disputed v4 2025-09-10 dark": "settled, disputed",
            "changed: confirmed v4 2025-09-10": "confirmed",
            "refused conflict ended_on": "corrected",
            "changed: unverifiable v4 2025-09-10 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "settled, a later day": (
        lambda life: life.report("settled", ended=date(2025, 10, 10)),
        {
            "waits": "nothing | unreported",
            "changed: settled v2 2025-10-10": "open",
            "refused re-ageing ended_on": "settled | settled, disputed",
            "changed: disputed v3 2025-10-10 dark": "disputed",
            "changed: confirmed v4 2025-10-10": "confirmed",
            "refused conflict ended_on": "corrected",
            "changed: unverifiable v4 2025-10-10 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "confirmed": (
        lambda life: life.resolve("confirmed", dispute=D1),
        {
            "refused not-disputed dispute": "nothing | unreported | open | settled",
            "confirmed: confirmed v3": "disputed",
            "confirmed: confirmed v4 2025-09-15": "settled, disputed",
            "repeated": "confirmed",
            "refused answered dispute": "corrected | unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "confirmed, no such dispute": (
        lambda life: life.resolve("confirmed", dispute="d-9"),
        {
            "refused not-disputed dispute": (
                "nothing | unreported | open | settled | "
                "disputed | settled, disputed | confirmed | corrected | unverifiable"
            ),
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "unverifiable": (
        lambda life: life.resolve("unverifiable", dispute=D1),
        {
            "refused not-disputed dispute": "nothing | unreported | open | settled",
            "unverifiable: unverifiable v3 dark": "disputed",
            "unverifiable: unverifiable v4 2025-09-15 dark": "settled, disputed",
            "refused answered dispute": "confirmed | corrected",
            "repeated": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "deleted": (
        lambda life: life.resolve("deleted"),
        {
            "waits": "nothing | unreported",
            "deleted v2 deleted": "open",
            "deleted v3 deleted": "settled | disputed",
            "deleted v4 deleted": "settled, disputed | confirmed | corrected | unverifiable",
            "repeated": "lapsed | deleted",
        },
    ),
    "deleted, of the dispute": (
        lambda life: life.resolve("deleted", dispute=D1),
        {
            "refused not-disputed dispute": "nothing | unreported | open | settled",
            "deleted v3 deleted": "disputed",
            "deleted v4 deleted": "settled, disputed | confirmed | corrected | unverifiable",
            "repeated": "lapsed | deleted",
        },
    ),
    "corrected, a later end": (
        lambda life: life.resolve("corrected", ended=date(2026, 1, 10)),
        {
            "waits": "nothing | unreported",
            "corrected: settled v2 2026-01-10": "open",
            "corrected: settled v3 2026-01-10": "settled",
            "corrected: disputed v3 2026-01-10 dark": "disputed",
            "corrected: disputed v4 2026-01-10 dark": "settled, disputed",
            "corrected: confirmed v4 2026-01-10": "confirmed",
            "corrected: corrected v4 2026-01-10": "corrected",
            "corrected: unverifiable v4 2026-01-10 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "corrected, all of it": (
        lambda life: life.resolve("corrected", began=date(2025, 4, 1), ended=date(2026, 1, 10)),
        {
            "waits": "nothing | unreported",
            "corrected: settled v2 2026-01-10": "open",
            "corrected: settled v3 2026-01-10": "settled",
            "corrected: disputed v3 2026-01-10 dark": "disputed",
            "corrected: disputed v4 2026-01-10 dark": "settled, disputed",
            "corrected: confirmed v4 2026-01-10": "confirmed",
            "corrected: corrected v4 2026-01-10": "corrected",
            "corrected: unverifiable v4 2026-01-10 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "corrected, of the dispute": (
        lambda life: life.resolve("corrected", ended=date(2025, 9, 10), dispute=D1),
        {
            "refused not-disputed dispute": "nothing | unreported | open | settled",
            "corrected: corrected v3 2025-09-10": "disputed",
            "corrected: corrected v4 2025-09-10": "settled, disputed | corrected",
            "corrected: confirmed v4 2025-09-10": "confirmed",
            "corrected: unverifiable v4 2025-09-10 dark": "unverifiable",
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "corrected, before it began": (
        lambda life: life.resolve("corrected", ended=date(2025, 2, 1)),
        {
            "waits": "nothing | unreported",
            "refused dates-contradict ended_on": (
                "open | settled | disputed | settled, disputed | confirmed | corrected | unverifiable"
            ),
            "refused lapsed report_id": "lapsed",
            "refused deleted report_id": "deleted",
        },
    ),
    "disputed": (
        lambda life: life.dispute("q-2"),
        {
            "person: no-such-record": "nothing | unreported | lapsed | deleted",
            "disputed: disputed v2 dark; asked paid by 2026-02-04; person: asked": "open",
            "disputed: disputed v3 2025-09-15 dark; asked paid by 2026-02-04; person: asked": "settled",
            "person: being-checked": "disputed | settled, disputed",
            "person: same-facts": "confirmed | corrected",
            "person: no-longer": "unverifiable",
        },
    ),
    "disputed, the request again": (
        lambda life: life.dispute("q-1"),
        {
            "person: no-such-record": "nothing | unreported | lapsed | deleted",
            "disputed: disputed v2 dark; asked paid by 2026-02-04; person: asked": "open",
            "disputed: disputed v3 2025-09-15 dark; asked paid by 2026-02-04; person: asked": "settled",
            "repeated": "disputed | settled, disputed | confirmed | corrected | unverifiable",
        },
    ),
    "disputed, other facts": (
        lambda life: life.dispute("q-2", "wrong-amount"),
        {
            "person: no-such-record": "nothing | unreported | lapsed | deleted",
            "disputed: disputed v2 dark; asked wrong-amount by 2026-02-04; person: asked": "open",
            "disputed: disputed v3 2025-09-15 dark; asked wrong-amount by 2026-02-04; person: asked": "settled",
            "asked wrong-amount by 2026-02-04; person: asked": "disputed | settled, disputed",
            "disputed: disputed v4 dark; asked wrong-amount by 2026-02-04; person: asked": "confirmed",
            "disputed: disputed v4 2025-09-15 dark; asked wrong-amount by 2026-02-04; person: asked": "corrected",
            "person: no-longer": "unverifiable",
        },
    ),
    "statement": (
        lambda life: life.state(),
        {
            "person: no-such-record": "nothing | unreported | lapsed | deleted",
            "person: attached": "open | settled | disputed | settled, disputed | confirmed | corrected | unverifiable",
        },
    ),
    "twenty days": (
        lambda life: life.until(NOON + timedelta(days=20, hours=12)),
        {
            "nothing": "nothing | open | settled | confirmed | corrected | unverifiable | lapsed | deleted",
            "refused unreported report_id": "unreported",
            "unverifiable: unverifiable v3 dark": "disputed",
            "unverifiable: unverifiable v4 2025-09-15 dark": "settled, disputed",
        },
    ),
    "ten years": (
        lambda life: life.until(life.now + timedelta(days=3653)),
        {
            "nothing": "nothing | open | confirmed | unverifiable | lapsed | deleted",
            "refused unreported report_id": "unreported",
            "expired v3": "settled",
            "unverifiable: unverifiable v3 dark": "disputed",
            "unverifiable: unverifiable v4 2025-09-15 dark; expired v5": "settled, disputed",
            "expired v4": "corrected",
        },
    ),
}
CASES = [
    (event, state, outcome)
    for event, (_, outcomes) in TRANSITIONS.items()
    for outcome, states in outcomes.items()
    for state in states.split(" | ")
]
