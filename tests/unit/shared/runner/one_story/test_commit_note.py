"""The text beside a committed offset: what was written is read again, and what others wrote says nothing."""

from __future__ import annotations

import pytest

from shared.runner.one_story.commit_note import Note, Word, read, read_word


@pytest.mark.parametrize("note", [Note(), Note("K", "T", "D", 17), Note("K", "", "D"), Note("", "T", "", 3)])
def test_what_is_written_is_read(note: Note) -> None:
    assert read(note.text()) == note


@pytest.mark.parametrize(
    "text",
    [None, "", "anything", "goodstanding-1 a b c", "goodstanding-1 a b c x", "goodstanding-2 a b c 1", "a b c d 1"],
)
def test_a_text_of_others_says_nothing(text: str | None) -> None:
    assert read(text) == Note()


def test_a_note_never_gets_older() -> None:
    assert Note("K", "T", "D", 5).handled(9).handled(7) == Note("K", "T", "D", 9)


def test_a_word_is_no_note_and_a_note_no_word() -> None:
    word = Word("abc", "2026-01-01T00:00:00Z")
    assert read_word(word.text()) == word
    assert read(word.text()) == Note()
    assert read_word(Note("K", "T", "D", 1).text()) is None
    assert read_word(None) is None
