"""Names of records: the one on `records.changed`, and the one by which a lapsed record is known again."""

from __future__ import annotations

import hashlib
import hmac

PROVIDER_BYTES = 4
"""A person has few providers; two that are taken for one share their room."""
BYTES = 16
"""128 bits: two of ten billion records share a name with a probability below one in a quintillion."""


def record_id(key: bytes, user_id: str, partner: str, report_id: str, returned: int = 0) -> str:
    """The record's name on `records.changed`, 32 hexadecimal characters: the same in whichever order its reports come
    (rules R2).

    It is made under the key of the fingerprints (rules R16). Whoever keeps the name after the record is erased, as a
    reader of the topic may, cannot find out by trying numbers whose record it was, or of which contract. `returned` is
    how often the record has come back after it was gone (rules R20 and R21): then it has a new name, and its versions
    begin at 1 again.
    """
    again = f"\n{returned}" if returned else ""
    return fingerprint(key, f"record\n{user_id}\n{partner}\n{report_id}{again}").hex()


def dispute_id(key: bytes, record_id: str, request_id: str) -> str:
    """The number of a dispute, which its provider gets to know: it tells nothing about the person."""
    return fingerprint(key, f"dispute\n{record_id}\n{request_id}").hex()


def settlement_id(key: bytes, record_id: str, version: int) -> str:
    """The number of what a provider is told of a settlement; it tells nothing about the person either."""
    return fingerprint(key, f"settled\n{record_id}\n{version}").hex()


def unkeyed_record_id(user_id: str, partner: str, report_id: str) -> str:
    """The name that a record had until names were keyed (decision 0018). One that was reported before keeps it to its
    end, since the scorer knows the record by it."""
    return hashlib.sha256(f"{user_id}\n{partner}\n{report_id}".encode()).digest()[:BYTES].hex()


def fingerprint(key: bytes, name: str) -> bytes:
    """What stays of a person's user_id and of a record's id once the record is erased (rules D8).

    A plain hash would say something about the person: whoever has the user_ids, which are in every topic, could hash
    them all and see who once had a record. Under a key that is in no table, topic or dump they cannot be told from
    noise, and only the service itself can ask whether it has seen a record before.
    """
    return hmac.digest(key, name.encode(), "sha256")[:BYTES]


def provider(key: bytes, user_id: str, partner: str) -> bytes:
    """By which the fingerprints are counted that one partner's records of one person have left."""
    return fingerprint(key, f"provider\n{user_id}\n{partner}")[:PROVIDER_BYTES]


def of_deleted(key: bytes, record_id: str) -> bytes:
    """The fingerprint of a record that was deleted, which a certificate may bring back, unlike one that has lapsed."""
    return fingerprint(key, f"deleted\n{record_id}")
