"""A picture that a command writes beside its answer."""

from __future__ import annotations

from pathlib import Path

from goodstanding.errors import UserError

STANDARD_OUTPUT = Path("-")
"""What a user names who wants to read it at once, or to pass it on."""


def check_writable(file: Path, option: str) -> None:
    """A file that cannot be written is found out before minutes of work. Raises UserError."""
    if file == STANDARD_OUTPUT:
        raise UserError("Standard output has the answer of this command.", f"Name a file with {option}.")
    try:
        file.open("a").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise UserError(f"{file} cannot be written: {reason}.", f"Name another file with {option}.") from None


def check_drawing(file: Path, option: str) -> None:
    """The same of a drawing, whose name must not say that it is anything but SVG. Raises UserError."""
    if file != STANDARD_OUTPUT and file.suffix.lower() not in ("", ".svg"):
        raise UserError(
            f"A picture is written as SVG, and {file.name} ends as another sort.",
            f"Name a file that ends in .svg with {option}.",
        )
    check_writable(file, option)
