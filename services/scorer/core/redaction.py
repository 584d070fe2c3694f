"""What is left of a person's publications once a record has ended: nothing of it, and no trace that it was there."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from services.scorer.core.score import decode, encode, without_records


class Redacted(msgspec.Struct, frozen=True):
    """By version: the evaluations that are to be written again, and the publications that then say nothing new."""

    rewritten: tuple[tuple[int, bytes], ...]
    dropped: tuple[int, ...]


def redacted(history: Iterable[tuple[int, int | None, bytes]], version: int) -> Redacted:
    """From version, run and evaluation of one person's publications, the earliest first. A publication that says
    nothing new is dropped, since it would reveal when there was a record. The publication `version` is left alone,
    since it was made without the record that is gone."""
    rewritten: list[tuple[int, bytes]] = []
    dropped: list[int] = []
    last: tuple[int | None, bytes] | None = None
    for number, run, published in history:
        if number == version:
            continue
        evaluation = without_records(decode(published))
        left = encode(evaluation)
        # Its moves say nothing about records, and belong to the first of the publications that say the same.
        said = (run, encode(msgspec.structs.replace(evaluation, moves=())))
        if said == last:
            dropped.append(number)
        elif left != published:
            rewritten.append((number, left))
        last = said
    return Redacted(tuple(rewritten), tuple(dropped))
