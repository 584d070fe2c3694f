"""Rights as others write them: commands of Kafka's own tool, and resources of the Strimzi operator for Kubernetes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from shared.contracts.rights import Right


def kafka_acls(rights: Iterable[Right]) -> list[str]:
    """One command of `kafka-acls` for each right."""
    start = "kafka-acls --bootstrap-server ... --command-config admin.properties --add --force"
    return [
        f"{start} --allow-principal User:{each.principal} --operation {_camel(each.operation)} {_resource(each)}"
        for each in sorted(rights)
    ]


def _resource(right: Right) -> str:
    if right.resource == "cluster":
        return "--cluster"
    return f"--{right.resource} {right.name} --resource-pattern-type {_pattern(right)}"


def strimzi(rights: Iterable[Right], cluster: str) -> str:
    """A KafkaUser for each principal, as YAML. `cluster` is the name of the Kafka resource."""
    by_principal = groupby(sorted(rights), key=lambda right: right.principal)
    return "".join(_user(principal, list(its), cluster) for principal, its in by_principal)


def _user(principal: str, rights: Sequence[Right], cluster: str) -> str:
    lines = [
        "---",
        "apiVersion: kafka.strimzi.io/v1beta2",
        "kind: KafkaUser",
        "metadata:",
        f"  name: {principal}",
        "  labels:",
        f"    strimzi.io/cluster: {cluster}",
        "spec:",
        "  authentication:",
        "    type: scram-sha-512",
        "  authorization:",
        "    type: simple",
        "    acls:",
    ]
    for (resource, name, is_prefix), its in groupby(
        rights, key=lambda each: (each.resource, each.name, each.is_prefix)
    ):
        operations = ", ".join(_camel(each.operation) for each in its)
        lines.append("      - resource:")
        lines.append(f"          type: {'transactionalId' if resource == 'transactional-id' else resource}")
        if resource != "cluster":
            lines.append(f"          name: {name}")
            lines.append(f"          patternType: {'prefix' if is_prefix else 'literal'}")
        lines.append(f"        operations: [{operations}]")
    return "\n".join(lines) + "\n"


def _pattern(right: Right) -> str:
    return "prefixed" if right.is_prefix else "literal"


def _camel(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("-"))
