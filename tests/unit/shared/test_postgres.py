"""A role's password never travels in the clear: what is sent is the verifier that Postgres keeps anyway."""

from __future__ import annotations

import pytest

from shared.postgres import scram_verifier


def test_the_verifier_is_that_of_rfc_7677() -> None:
    """The RFC's example: user, password `pencil`, its salt and its server signature's key."""
    import base64

    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert scram_verifier("pencil", salt) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@pytest.mark.parametrize("password", ["pass\u00e9", "tab\t", "\u00aa"])
def test_a_password_that_would_have_to_be_normalized_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        scram_verifier(password, b"salt")
