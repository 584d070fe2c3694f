"""The platform's own format, for partners without a mapping of their own, as a mapping like any other.

The data is the normalized body of `behavior.normalized` or `records.reported`, of the same `type`; the person is the
CloudEvents `subject`. `contact` is an identifier of the common scheme too, and amounts are in the base currency.
"""

from __future__ import annotations

import msgspec

from services.ingest.core.mapping import Amount, ConsentPaths, Events, JsonMapping, NativeMapping
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport


def native_mapping(native: NativeMapping, currency: str) -> JsonMapping:
    """The mapping of the native format under the rights of this file; amounts are in the deployment's `currency`."""
    amount = Amount(path="amount", unit="minor", currency=currency)
    known = Amount(path="amount", unit="minor", currency=currency, optional=True)
    limit = Amount(path="limit", unit="minor", currency=currency, optional=True)
    fields = {
        Shape.OBLIGATION: Events(kinds={}, days_late="days_late", amount=known),
        Shape.ACTIVITY: Events(kinds={}, count="count", amount=known, reverses="reverses"),
        Shape.FIGURE: Events(
            kinds={},
            amount=amount,
            consent=ConsentPaths(id="consent.id", purpose="consent.purpose", given_at="consent.given_at"),
        ),
        Shape.FACT: Events(kinds={}, value="value"),
        Shape.CONTACT: Events(kinds={}, contact="contact", value="value"),
        Shape.RECORD: Events(
            kinds={},
            report_id="report_id",
            status="status",
            began_on="began_on",
            ended_on="ended_on",
            amount=known,
            outcome="outcome",
            dispute="dispute",
            certificate="certificate",
        ),
    }
    return JsonMapping(
        envelope="cloudevents",
        subject="@subject",
        kind=("@type", "kind"),
        events=tuple(
            msgspec.structs.replace(fields[shape], kinds=kinds, limit=limit if has_limit else None)
            for shape in Shape
            for has_limit in (True, False)
            if (kinds := _kinds(shape, has_limit=has_limit))
        ),
        rights=native.rights,
        crosswalk=native.crosswalk,
    )


def _kinds(shape: Shape, *, has_limit: bool) -> dict[str, str]:
    type_name = TYPES[RecordReport if shape is Shape.RECORD else BehaviorEvent]
    return {
        f"{type_name}/{kind.name}": kind.name
        for kind in KIND_OF.values()
        if (kind.shape, kind.has_limit) == (shape, has_limit)
    }
