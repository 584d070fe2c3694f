"""What a Kafka's rights lack and have too much, and rights in the words of other tools."""

from __future__ import annotations

import shlex

import yaml

from goodstanding.platform import acl_text
from goodstanding.platform.acl_plan import compare
from shared.contracts.rights import Right, principals, rights
from shared.kafka.acls import Held

RIGHTS = rights(["bank"])
OURS = principals(["bank"])


def test_a_new_kafka_lacks_everything() -> None:
    found = compare(Held(frozenset(), ()), RIGHTS, OURS)
    assert (found.missing, found.surplus, found.is_done) == (RIGHTS, (), False)


def test_what_is_right_is_left() -> None:
    found = compare(Held(frozenset(RIGHTS), ()), RIGHTS, OURS)
    assert (found.missing, found.surplus, found.right, found.is_done) == ((), (), RIGHTS, True)


def test_what_is_too_much_is_found_for_ours_and_left_for_others() -> None:
    forger = Right("partner-bank", "topic", "scores.changed", "all")
    gone = Right("partner-shop", "topic", "behavior.raw.shop", "write")
    everybody = Right("*", "topic", "scores.changed", "write")
    stranger = Right("reporting", "topic", "invoices", "read")
    held = Held(frozenset([*RIGHTS, forger, gone, everybody, stranger]), ())
    assert set(compare(held, RIGHTS, OURS).surplus) == {forger, gone, everybody}


def test_rules_that_no_right_could_say_are_told_of_ours_only() -> None:
    held = Held(frozenset(RIGHTS), (("scorer", "one that denies"), ("reporting", "another")))
    found = compare(held, RIGHTS, OURS)
    assert (found.others, found.is_done) == (("one that denies",), False)


def test_commands_say_each_right_once() -> None:
    commands = [shlex.split(command) for command in acl_text.kafka_acls(RIGHTS)]
    assert len(commands) == len(set(map(tuple, commands))) == len(RIGHTS)
    assert "--force --allow-principal User:ingest --operation Read --topic behavior.raw." in "\n".join(
        acl_text.kafka_acls(RIGHTS)
    )


def test_strimzi_has_a_user_for_each_principal_with_all_its_rights() -> None:
    users = list(yaml.safe_load_all(acl_text.strimzi(RIGHTS, "main")))
    assert [user["metadata"]["name"] for user in users] == sorted(OURS)
    said = {
        Right(
            user["metadata"]["name"],
            "transactional-id" if (kind := acl["resource"]["type"]) == "transactionalId" else kind,
            acl["resource"]["name"],
            operation.lower(),
            is_prefix=acl["resource"]["patternType"] == "prefix",
        )
        for user in users
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    assert said == set(RIGHTS)
    assert {user["metadata"]["labels"]["strimzi.io/cluster"] for user in users} == {"main"}
