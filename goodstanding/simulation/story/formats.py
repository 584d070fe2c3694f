"""Events as each of the seven partners writes them: by hand, and not from the mappings that ingest reads them with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from goodstanding.partner.event import PartnerEvent
from goodstanding.simulation.events_and_news import Event
from shared.contracts.cloudevents import STRUCTURED, binary

_Body = dict[str, Any]
_STRUCTURED = (("content-type", STRUCTURED.encode()),)


def written(event: Event) -> PartnerEvent:
    """The partner's Kafka record of the event."""
    value, headers = _PARTNERS[event.partner](event)
    return PartnerEvent(event.time, event.person.encode(), value, headers)


def _bank(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    money = {"amount": {"minor": event.amount, "currency": "CNY"}}
    data: _Body
    match event.kind:
        case "credit_card.repayment":
            type, data = "card.statement.cleared", {"days_past_due": event.days_late, **money}
        case "identity.verified":
            type, data = "customer.identity.verified", {"document_kind": "id card"}
        case "income.reported":
            given_at = (event.time - timedelta(days=30)).isoformat()
            consent = {"reference": event.consent, "purpose": "credit standing", "given_at": given_at}
            type, data = "means.income.reported", {"consent": consent, **money}
        case "card.overdue" if event.outcome:
            result = {"confirmed": "upheld", "deleted": "withdrawn"}[event.outcome]
            type, data = "card.overdue.resolved", {"report_no": event.report, "result": result}
            data["dispute_no"] = event.dispute
        case "card.overdue":
            type, data = "card.overdue.reported", {"report_no": event.report, "overdue_since": str(event.began_on)}
            data |= {"state": "paid", "paid_on": str(event.ended_on)} if event.ended_on else {"state": "open", **money}
        case _:
            raise ValueError(event.kind)
    return _structured(event, "/bank/core", type, {"customer": {"account": event.person}, **data})


def _consumer_credit(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    body: _Body = {"platformAccount": event.person}
    if event.kind == "contact.standing":
        body |= {"friendAccount": event.contact, "link": "LINKED"}
        type = "FriendLinkChanged"
    else:
        due = event.time.date() - timedelta(days=event.days_late)
        body |= {"billNo": event.id, "principal": _yuan(event.amount)}
        body |= {"dueDate": str(due), "paidDate": str(event.time.date())}
        type = "RepaymentCompleted"
    headers = binary(id=event.id, source="/credit", type=type, time=event.time)
    return msgspec.json.encode(body), headers


def _utility(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    body: _Body = {"msg_id": event.id, "ts": _millis(event.time), "acct": event.person}
    if event.kind == "utility_bill.overdue":
        assert event.began_on is not None
        body |= {"svc": "power", "dossier": event.report, "since": _compact(event.began_on)}
        if event.ended_on:
            body |= {"evt": "arrears_closed", "until": _compact(event.ended_on)}
        else:
            body |= {"evt": "arrears_opened", "amt": event.amount, "unit": "fen"}
    else:
        service = {"water.bill": "water", "electricity.bill": "power", "gas.bill": "gas", "phone.bill": "phone"}
        due = event.time.date() - timedelta(days=event.days_late)
        body |= {"evt": "bill_paid", "svc": service[event.kind], "amt": event.amount, "unit": "fen"}
        body |= {"due": _compact(due), "paid": _compact(event.time.date())}
    return msgspec.json.encode(body), ()


def _bike_rental(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    body: _Body = {"fare_fen": event.amount}
    if event.kind == "ride.unpaid":
        assert event.began_on is not None
        opened_at = datetime.combine(event.began_on, event.time.timetz())
        body |= {"vehicle": "bike", "claim": event.report, "opened_at": opened_at.isoformat()}
        body |= (
            {"claim_state": "cleared", "cleared_at": event.time.isoformat()}
            if event.ended_on
            else {"claim_state": "open"}
        )
        type = "ride.unpaid.v1"
    else:
        vehicles = {"bike_rental.return": "bike", "e_bike_rental.return": "ebike", "ride.trip": "taxi"}
        body["vehicle"] = vehicles.get(event.kind, "metro")
        type = "ride.closed-late.v2" if event.days_late else "ride.closed.v2"
        body |= {"late_days": event.days_late} if event.days_late else {}
    headers = binary(id=event.id, source="/rides", type=type, time=event.time, extensions={"subject": event.person})
    return msgspec.json.encode(body), headers


def _hotel(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    body: _Body = {
        "MessageId": event.id,
        "LocalTime": f"{event.time:%Y-%m-%d %H:%M:%S}",
        "PropertyCode": "SHA01",
        "Guest": {"PlatformAccount": event.person},
    }
    if event.outcome:
        body |= {"Event": "NoShowResolved", "Reservation": {"Number": event.report}}
        body |= {"Resolution": {"Outcome": event.outcome.capitalize(), "Dispute": event.dispute}}
    elif event.kind == "hotel.no_show":
        reservation = {"Number": event.report, "ArrivalDate": str(event.began_on)}
        body |= {"Event": "NoShow", "Reservation": reservation | {"Deposit": _yuan(event.amount), "Currency": "CNY"}}
    else:
        folio = {"Number": event.id, "Nights": 1, "Total": _yuan(event.amount), "Currency": "CNY"}
        folio["DueDate"] = str(event.time.date() - timedelta(days=event.days_late))
        folio["PaidTime"] = f"{event.time:%Y-%m-%d %H:%M:%S}"
        body |= {"Event": "FolioSettled", "Folio": folio}
    return msgspec.json.encode(body), ()


def _shop(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    data: _Body = {"buyer": {"goodstandingAccount": event.person}, "orderId": event.id, "channel": "app"}
    data["total"] = _yuan(event.amount)
    if event.kind == "donation.made":
        data |= {"eventName": "donationSent", "charity": "libraries"}
    else:
        data |= {"eventName": "orderReturned" if event.reverses else "orderDelivered", "itemCount": event.count}
    return _structured(event, "/shop", "shop.event", data)


def _court_feed(event: Event) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    court, number = "District Court", event.report
    day, time = f"{event.time:%Y-%m-%d}", f"{event.time:%H:%M:%S}"
    year, yuan = str(event.began_on)[:4], _yuan(event.amount)
    action, *end = ("RELEASED", str(event.ended_on), "") if event.ended_on else ("LISTED", "", yuan)
    cells = (event.id, day, time, action, event.person, court, year, number, str(event.began_on), *end, "", "")
    return ";".join(cells).encode(), ()


_PARTNERS: dict[str, Callable[[Event], tuple[bytes, tuple[tuple[str, bytes], ...]]]] = {
    "bank": _bank,
    "consumer-credit": _consumer_credit,
    "utility": _utility,
    "bike-rental": _bike_rental,
    "hotel": _hotel,
    "shop": _shop,
    "court-feed": _court_feed,
}
PARTNERS = tuple(_PARTNERS)


def _structured(event: Event, source: str, type: str, data: _Body) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    envelope = {"specversion": "1.0", "id": event.id, "source": source, "type": type, "time": event.time.isoformat()}
    return msgspec.json.encode({**envelope, "data": data}), _STRUCTURED


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _compact(day: date) -> str:
    return f"{day:%Y%m%d}"


def _millis(time: datetime) -> int:
    return int(time.timestamp()) * 1000
