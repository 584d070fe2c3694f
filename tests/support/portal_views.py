"""People of different lives, as the portal shows them: made by the rules, and without any server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import msgspec

from goodstanding import policies
from goodstanding.person.explained import ahead_of, explained, falls
from goodstanding.person.setting import Setting
from goodstanding.portal.ledger import Asked, Consent, Look, Permission
from goodstanding.portal.people import Known, costs_of
from goodstanding.portal.web.person_view import View
from services.scorer.core import score
from services.scorer.core.decide import Person
from services.scorer.core.explain import Published
from services.scorer.core.messages import Message
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.hints import Present
from services.scorer.core.state import decode
from shared.contracts.explained import HeldRecord, SaidAgainst
from shared.contracts.messages import TierChange
from tests.support.lives import FIRST, household
from tests.support.people import JAN, ME, SHIPPED, ZONE, day, event, news, record
from tests.support.publications import published

TIERS = policies.tier_table()
NOW = day(JAN + 1, 10)
TODAY = NOW.date()
NEXT_PUBLICATION = TODAY + timedelta(days=27)
WORD = "f" * 64
LIVES = ("newcomer", "with-record", "disputed", "restricted", "excellent", "hostile")
"""Whose pages can be looked at."""
_RECORD_ID = "7d1e0c54a1b2c3d4e5f60718293a4b5c"
_HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"


def _published(months: int, *others: Message) -> tuple[Person, list[Published]]:
    def monthly(month: int) -> list[Message]:
        return [
            event("credit_card.repayment", day(month), id=f"c{month}"),
            event("water.bill", day(month, 3), id=f"w{month}", days_late=9 if month == JAN - 2 else 0),
        ]

    return published(months, monthly, *others)


def _excellent(months: int) -> tuple[Person, list[Published]]:
    """Of whom everything is known, and nothing was ever late."""
    lived = household(range(JAN + 1 - months - FIRST, JAN + 1 - FIRST))
    return published(months, lambda month: [each for each in lived if each.month == month])


def _held(kind: str, status: str, *, ended: date | None, hostile: bool = False) -> HeldRecord:
    lapses = datetime(TODAY.year + 1, 11, 30, 16, tzinfo=UTC) if ended else None
    return HeldRecord(
        record_id=_RECORD_ID,
        partner="hotel",
        report_id=_HOSTILE if hostile else "R-2025-0017",
        kind=kind,
        status=status,  # type: ignore[arg-type]  # tests give one that there is
        counts=status not in ("disputed", "unverifiable"),
        began_on=TODAY - timedelta(days=70),
        ended_on=ended,
        amount=45_000,
        lapses_at=lapses,
        answer_by=TODAY + timedelta(days=20) if status == "disputed" else None,
        said_against=_said_against(hostile) if status == "disputed" else (),
        statement=_HOSTILE if hostile else ("I had cancelled it in time." if status == "disputed" else None),
    )


def _said_against(hostile: bool) -> tuple[SaidAgainst, ...]:
    said = SaidAgainst(reason="other", text=_HOSTILE if hostile else "The room was never booked in my name.")
    return (SaidAgainst(reason="not-mine"), SaidAgainst(reason="paid", text="The hotel took my deposit."), said)


def _tier(reached: int, version: int, restrictions: tuple[str, ...] = ()) -> TierChange | None:
    position = TIERS.reached(reached)
    if not position:
        return None
    closed = TIERS.closed(restrictions)
    codes = [each.code for tier in TIERS.tiers[:position] for each in tier.benefits if each.code not in closed]
    return TierChange(
        version=1,
        tier=TIERS.tiers[position - 1].code,
        granted=tuple(codes),
        revoked=(),
        in_force=tuple(codes),
        restrictions=restrictions,
        score_version=version,
        as_of=NOW,
        policy=TIERS.id,
    )


def _consents(partner: str) -> list[Consent]:
    given = NOW - timedelta(days=200)
    return [
        Consent(partner, "consent-2025-0001", "credit-standing", given, None),
        Consent(partner, "consent-2024-0007", "credit-standing", given, NOW - timedelta(days=20)),
        Consent("insurer", "consent-17", None, None, NOW - timedelta(days=3)),
    ]


@cache
def view(who: str, language: Language, *, acts: bool = True) -> View:
    """One of LIVES. It is made once, since nobody changes it: two years have to be lived for it."""
    records: tuple[HeldRecord, ...] = ()
    months, others = 24, []
    ended = TODAY - timedelta(days=30)
    match who:
        case "newcomer":
            months = 1
        case "with-record" | "disputed" | "hostile":
            others = [news(record("ride.unpaid", _RECORD_ID))] if who == "with-record" else []
            status = "settled" if who == "with-record" else "disputed"
            records = (_held("ride.unpaid", status, ended=ended, hostile=who == "hostile"),)
        case "restricted":
            others = [news(record("court.listing", _RECORD_ID))]
            records = (_held("court.listing", "open", ended=None),)
    person, rows = _excellent(months) if who == "excellent" else _published(months, *others)
    setting = Setting(
        cards={SHIPPED.id: SHIPPED},
        in_force=SHIPPED,
        tiers=TIERS,
        language=language,
        currency="CNY",
        zone=ZONE,
        profile=policies.profile("cn"),
    )
    present = Present(decode(person.state), person.circle, JAN + 1)
    last = score.decode(rows[-1].evaluation)
    tier = _tier(last.score, rows[-1].version, last.restrictions)
    hostile = who == "hostile"
    told = [{"en": "A record about you was reported.", "zh": "有机构报送了一条关于您的记录。"}]
    if hostile:
        told.append({"en": _HOSTILE, "zh": _HOSTILE})
    found = explained(rows, ahead_of(present, setting, TODAY), setting, TODAY)
    known = Known(ME, 3, tier, records, tuple(rows), present)
    return View(
        known=known,
        found=found,
        falls=falls(rows, found, setting),
        table=TIERS,
        permissions=[Permission(_HOSTILE if hostile else "rental-firm", NOW - timedelta(days=90), None)],
        looks=[Look(NOW - timedelta(hours=3), _HOSTILE if hostile else "rental-firm", "standing")],
        consents=_consents(_HOSTILE if hostile else "bank"),
        told=[(NOW - timedelta(days=1), msgspec.json.encode(each)) for each in told],
        asked=[Asked("r-1", NOW - timedelta(hours=20), "dispute", records[0].record_id)] if who == "disputed" else [],
        subscribers=["bank-of-cars", "rental-firm"],
        language=language,
        currency="CNY",
        zone=ZONE,
        today=TODAY,
        next_publication=NEXT_PUBLICATION,
        unverifiable=setting.profile.unverifiable,
        costs=costs_of(known, SHIPPED, TODAY),
        form_word=WORD if acts else "",
    )
