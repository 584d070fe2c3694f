"""How much the data of one value may become, which is counted before a library reads them.

The libraries have no bounds of their own. In a list, an item without content takes next to nothing in the data and
hundreds of bytes in memory. A type that contains itself can be nested as deep as the data are long, which ends the
process. A decimal number of a megabyte keeps the process busy for minutes. Data whose schema allows none of this are
not counted, which costs nothing.
"""

from __future__ import annotations

EVENT_VALUES_MAX = 10_000
"""Values of an event, including those in its lists and objects. As JSON it may have 64 KiB in any case."""
LIST_VALUES_MAX = 100_000
"""Of a message that has many events: a thousand of a hundred values each."""
LEVELS_MAX = 64
"""Twice what JSON may have (`strict_json.NESTING_MAX`), since a level of JSON may be two of a schema."""
DECIMAL_BYTES_MAX = 64
"""Of a decimal number, which has 154 digits then; no amount has more than 40 characters."""


class BeyondBoundsError(ValueError):
    """The data would become more than they may. `str()` is a sentence that says what to do."""


class Budget:
    """What is left to one value."""

    def __init__(self, values_max: int) -> None:
        self._values_max = self._left = values_max

    def spend(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise BeyondBoundsError(
                f"The data have more than {self._values_max} values, those without content counted too; send fewer."
            )

    def enter(self, level: int) -> int:
        """The level below. Raises BeyondBoundsError."""
        if level == LEVELS_MAX:
            raise BeyondBoundsError(f"Values may be nested at most {LEVELS_MAX} deep.")
        return level + 1


def varint(data: bytes, at: int, bytes_max: int = 10) -> tuple[int, int]:
    """A number as Avro and Protobuf write it, seven bits in a byte, and where it ends. Raises ValueError."""
    number = 0
    for index, byte in enumerate(data[at : at + bytes_max]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, at + index + 1
    raise ValueError("no number")
