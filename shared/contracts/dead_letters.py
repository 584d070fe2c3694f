"""What is on `<service>.dead-letter`: that a record was set aside, that the operator has had it appended again, or that
the operator has dismissed it. Everything is in headers. They name the record by its position,
`<topic>/<partition>/<offset>`, and hold nothing of what it says.
"""

from __future__ import annotations

from shared.contracts.cloudevents import binary

SET_ASIDE = "goodstanding.record.dead-lettered.v1"
REDRIVEN = "goodstanding.record.redriven.v1"
DISMISSED = "goodstanding.record.dismissed.v1"
"""The CloudEvents types of the three."""


def set_aside_headers(service: str, origin: str, code: str, sentence: str) -> tuple[tuple[str, bytes], ...]:
    """Why a service could not answer for the record. They follow from the arguments alone: a repetition is byte-equal.

    Where rules fail on what the clock has made due, there is no record, and `origin` is `timer/<run>`.
    """
    about = {"origin": origin, "code": code, "sentence": sentence}
    return binary(id=f"{service}/{origin}", source=f"/{service}", type=SET_ASIDE, extensions=about, content_type=None)


def redriven_headers(origin: str, number: int) -> tuple[tuple[str, bytes], ...]:
    """That the operator has appended the record again, for the `number`th time; `origin` is where it lay before."""
    return binary(
        id=f"operator/{origin}/{number}",
        source="/operator",
        type=REDRIVEN,
        extensions={"origin": origin},
        content_type=None,
    )


def dismissed_headers(origin: str) -> tuple[tuple[str, bytes], ...]:
    """That the operator wants nothing more to be done about the record."""
    return binary(
        id=f"operator/{origin}/dismissed",
        source="/operator",
        type=DISMISSED,
        extensions={"origin": origin},
        content_type=None,
    )
