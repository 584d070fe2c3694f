"""What a user is told when something cannot be done."""

from __future__ import annotations


class UserError(Exception):
    """What is wrong, in one sentence, and what to do next, in another. Never a traceback for a user's error."""

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(f"{sentence} {advice}".rstrip())
        self.sentence, self.advice = sentence, advice
