"""What a person did of one kind, month by month: a vector for each month that has one (rules S4).

A vector is [count, sum, late count, worst days late, limits in sum, how many of the count named one], trailing zeros
left out. Those of a kind lie together, each number in a column of its own: which months there are is one mask, most
kinds come once a month, and most of the other numbers are 0, so that a column in which nothing is said is empty. Equal
vectors have equal bytes, in whichever order they were put in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

Vector: TypeAlias = list[int]
COUNT, SUM, LATE, WORST, LIMIT, LIMITED = range(6)
_SUM_MAX = 2**63 - 1
_MASK_BITS = 63
_LOW_MASK = (1 << _MASK_BITS) - 1
_LATE_ENTRY = 3
"""Month, how many were late, and the worst days: what was late is rare, so that it names its months itself."""


class Head(msgspec.Struct, array_like=True, gc=False):
    """What nearly all features ask for. Reading no more than this costs a fifth of reading all."""

    last: int = 0
    """The latest month that has a vector."""
    mask: int = 0
    """Bit i is set where the month `last - i` has one."""
    counts: list[int] = []
    """The earliest month first, as in all columns; empty if each is 1."""
    late: list[int] = []
    """Of each month in which something was late three numbers, see `_LATE_ENTRY`."""
    high_mask: list[int] = []
    """While it is packed: the part of the mask above 63 bits, which msgpack cannot write as one number, 63 bits at a
    time. Nobody whose months were ever pruned has any."""

    def count(self, month: int) -> int:
        """Of a month that has a vector."""
        return self.counts[(self.mask >> (self.last - month + 1)).bit_count()] if self.counts else 1

    def late_months(self) -> Iterator[tuple[int, int, int]]:
        """Month, how many were late, and the worst days, of each month in which something was late."""
        late = self.late
        for at in range(0, len(late), _LATE_ENTRY):
            yield late[at], late[at + 1], late[at + 2]

    def reversed_months(self) -> int:
        """The mask of the months in which no more was done than taken back."""
        if not self.counts or min(self.counts) > 0:
            return 0
        found = 0
        for bit, count in zip(_bits(self.mask), reversed(self.counts), strict=True):
            if count <= 0:
                found |= bit
        return found


class Vectors(Head, array_like=True, gc=False):
    """All that is kept of one kind; a working copy."""

    sums: list[int] = []
    limits: list[int] = []
    limited: list[int] = []

    def at(self, month: int) -> Vector:
        """The vector of a month, trailing zeros left out; empty where there is none."""
        age = self.last - month
        if age < 0 or not self.mask >> age & 1:
            return []
        place = (self.mask >> (age + 1)).bit_count()
        late, worst = self._late_of(month)
        vector = [
            self.counts[place] if self.counts else 1,
            self.sums[place] if self.sums else 0,
            late,
            worst,
            self.limits[place] if self.limits else 0,
            self.limited[place] if self.limited else 0,
        ]
        while vector and not vector[-1]:
            vector.pop()
        return vector

    def add(
        self, month: int, count: int, total: int = 0, late: int = 0, worst: int = 0, limit: int = 0, limited: int = 0
    ) -> None:
        """Add to a month's vector: sums, and the most of the worst days. A vector that comes to nothing is removed.

        Limits are summed like amounts and not kept as the latest or the highest: a sum needs no ids to be commutative,
        two cards of one month have what was billed together and their limits together, and a reversal cancels a
        statement.
        """
        age = self.last - month
        if age < 0 or not self.mask:
            self.mask, self.last, age = self.mask << -age if self.mask else 0, month, 0
        place, is_there = (self.mask >> (age + 1)).bit_count(), self.mask >> age & 1
        # The first two columns are written out here, since every event passes here.
        counts, sums = self.counts, self.sums
        if counts:
            if is_there:
                counts[place] = count = counts[place] + count
            else:
                counts.insert(place, count)
            if count == 1:
                self.counts = _unless_all(1, counts)
        elif is_there or count != 1:
            count += is_there
            self.counts = _written(counts, self.mask.bit_count(), place, count, 1, is_there)
        if sums:
            if is_there:
                total += sums[place]
                sums[place] = total if -_SUM_MAX <= total <= _SUM_MAX else _wrapped(total)
            else:
                sums.insert(place, total)
            if not total:
                self.sums = _unless_all(0, sums)
        elif total:
            self.sums = _written(sums, self.mask.bit_count(), place, total, 0, is_there)
        if limit or limited or self.limits or self.limited:
            self._add_limit(place, is_there, limit, limited)
        self.mask |= 1 << age
        if late or worst:
            self._add_late(month, late, worst)
        if not count and not self.at(month):
            self.take_out(month)

    def take_out(self, month: int) -> None:
        """Leave nothing of a month."""
        age = self.last - month
        if age < 0 or not self.mask >> age & 1:
            return
        place = (self.mask >> (age + 1)).bit_count()
        self.mask ^= 1 << age
        for column in (self.counts, self.sums, self.limits, self.limited):
            if column:
                del column[place]
        self.counts, self.sums = _unless_all(1, self.counts), _unless_all(0, self.sums)
        self.limits, self.limited = _unless_all(0, self.limits), _unless_all(0, self.limited)
        self.late = [number for entry in self.late_months() if entry[0] != month for number in entry]
        if not self.mask:
            self.last = 0
        elif not age:
            # The latest month has gone, and the one before it is the latest now.
            idle = (self.mask & -self.mask).bit_length() - 1
            self.mask, self.last = self.mask >> idle, self.last - idle

    def months(self) -> Iterator[int]:
        """Those that have a vector, the earliest first."""
        age = self.mask.bit_length()
        while age:
            age -= 1
            if self.mask >> age & 1:
                yield self.last - age

    def total(self, of: int, first: int, last: int, *, named: bool = False) -> int | None:
        """What the vectors of these months have at COUNT, SUM or LIMIT, in sum; None where a limit of one is unknown
        (rules E19). With `named`, it is the sum of the limits that are named, but for months in which more of them were
        named than statements are left: what was taken back may have named none."""
        # How many of the months are later than the last one, and how many are not earlier than the first one.
        after = (self.mask & ((1 << max(0, self.last - last)) - 1)).bit_count()
        since = (self.mask & ((1 << max(0, self.last - first + 1)) - 1)).bit_count()
        of_all = self.mask.bit_count()
        months = slice(of_all - since, of_all - after)
        if of == SUM:
            return sum(self.sums[months])
        counts = self.counts[months] if self.counts else [1] * (since - after)
        if of == COUNT:
            return sum(counts)
        limited = self.limited[months] if self.limited else [0] * len(counts)
        if limited == counts:
            return sum(self.limits[months])
        if not named:
            return None
        limits = self.limits[months] if self.limits else [0] * len(counts)
        return sum([limit for limit, named_by, had in zip(limits, limited, counts, strict=True) if named_by <= had])

    def light(self, least: int) -> int:
        """The mask of the months whose amounts come to less than this. A sum of 0 makes nothing light: it does not say
        whether 0 was told or nothing."""
        if not self.sums or min(self.sums) >= least:
            return 0
        found = 0
        for bit, total in zip(_bits(self.mask), reversed(self.sums), strict=True):
            if 0 < total < least:
                found |= bit
        return found

    def first_named(self, since: int) -> int | None:
        """The first month from `since` on in which a limit is named; None where none is (rules E19)."""
        counts = self.counts or [1] * len(self.limited)
        named = zip(self.months(), self.limited, counts, strict=True) if self.limited else ()
        return next((month for month, named_by, had in named if month >= since and 0 < named_by <= had), None)

    def drop_before(self, month: int) -> None:
        """Take the months before this one out."""
        gone = (self.mask >> max(0, self.last - month + 1)).bit_count()
        self.mask &= (1 << max(0, self.last - month + 1)) - 1
        self.counts = _unless_all(1, self.counts[gone:])
        self.sums = _unless_all(0, self.sums[gone:])
        self.limits = _unless_all(0, self.limits[gone:])
        self.limited = _unless_all(0, self.limited[gone:])
        self.late = [number for entry in self.late_months() if entry[0] >= month for number in entry]

    def _late_of(self, month: int) -> tuple[int, int]:
        return next(((late, worst) for of, late, worst in self.late_months() if of == month), (0, 0))

    def _add_limit(self, place: int, is_there: int, limit: int, limited: int) -> None:
        had = self.mask.bit_count()
        if is_there:
            limit = _wrapped(limit + self.limits[place]) if self.limits else limit
            limited += self.limited[place] if self.limited else 0
        self.limits = _written(self.limits, had, place, limit, 0, is_there)
        self.limited = _written(self.limited, had, place, limited, 0, is_there)

    def _add_late(self, month: int, late: int, worst: int) -> None:
        known = self.late
        for at in range(0, len(known), _LATE_ENTRY):
            if known[at] == month:
                known[at + 1] += late
                known[at + 2] = max(worst, known[at + 2])
                return
            if known[at] > month:
                known[at:at] = month, late, worst
                return
        known += month, late, worst


_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Head).decode
_decode = msgspec.msgpack.Decoder(Vectors).decode


def head(packed: bytes) -> Head:
    of = _decode_head(packed)
    if of.high_mask:
        _join_mask(of)
    return of


def unpack(packed: bytes) -> Vectors:
    of = _decode(packed)
    if of.high_mask:
        _join_mask(of)
    return of


def pack(vectors: Vectors) -> bytes:
    try:
        return _encode(vectors)
    except OverflowError:
        mask = vectors.mask
        highest = (mask.bit_length() - 1) // _MASK_BITS * _MASK_BITS
        *high, low = [mask >> shift & _LOW_MASK for shift in range(highest, -1, -_MASK_BITS)]
        return _encode(msgspec.structs.replace(vectors, mask=low, high_mask=high))


def _join_mask(of: Head) -> None:
    words, of.high_mask = [*of.high_mask, of.mask], []
    of.mask = 0
    for word in words:
        of.mask = of.mask << _MASK_BITS | word


_unpack_by_kind = msgspec.msgpack.Decoder(dict[int, Vector]).decode


def limit_of(vector: Sequence[int]) -> int | None:
    """The limits that a kind's events of a month name, in sum; None unless each of them names one (rules E19)."""
    known = len(vector)
    if (vector[LIMITED] if known > LIMITED else 0) != vector[COUNT]:
        return None
    return vector[LIMIT] if known > LIMIT else 0


def without_before(packed: bytes, month: int) -> bytes:
    """The vectors but those of the months before this one; nothing where all of them are."""
    of = head(packed)
    if of.last < month:
        return b""
    if not of.mask >> (of.last - month + 1):
        return packed
    vectors = unpack(packed)
    vectors.drop_before(month)
    return pack(vectors)


def by_kind(by_month: Mapping[int, bytes]) -> dict[int, bytes]:
    """What formats up to 3 kept by month, each month packed by kind."""
    found: dict[int, Vectors] = {}
    for month in sorted(by_month):
        for code, vector in _unpack_by_kind(by_month[month]).items():
            found.setdefault(code, Vectors()).add(month, *vector)
    return {code: pack(found[code]) for code in sorted(found)}


def _written(column: list[int], had: int, place: int, value: int, usual: int, is_there: int) -> list[int]:
    """The column with the value at the place: instead of what is there, or before it. An empty column has the usual
    value in all of the `had` places."""
    if not column:
        if value == usual:
            return column
        column = [usual] * had
    if is_there:
        column[place] = value
    else:
        column.insert(place, value)
    return column if value != usual else _unless_all(usual, column)


def _wrapped(total: int) -> int:
    """Sums wrap like a bigint instead of failing, which keeps the laws: 9,000 of the largest amounts would have to come
    in one month, and a state that cannot be written would stop everybody's shard."""
    return total if -_SUM_MAX <= total <= _SUM_MAX else (total + _SUM_MAX + 1) % (2 * _SUM_MAX + 2) - _SUM_MAX - 1


def _unless_all(usual: int, column: list[int]) -> list[int]:
    return [] if column.count(usual) == len(column) else column


def _bits(mask: int) -> Iterator[int]:
    """Each bit that is set, the lowest first."""
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit
