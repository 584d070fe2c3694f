"""The command line: `goodstanding --help` lists it, and each command shows an example of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from goodstanding.cli import (
    acl,
    backtest,
    clock,
    dead_letters,
    demo,
    doctor,
    erasures,
    explain,
    loading,
    local,
    offsets,
    partner,
    people,
    platform,
    policy,
    portal,
    rates,
    score,
    subject,
    tail,
)
from goodstanding.cli.group import commands
from goodstanding.cli.program import NAME
from goodstanding.cli.versions import lines
from shared.policy_file import load_kinds
from shared.settings import policies_here

app = commands("Goodstanding, an open credit-standing platform: behavior events in, explained scores out.")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo("\n".join(lines(NAME)))
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Say which release and schemas these are, and end.",
        ),
    ] = False,
) -> None:
    """Goodstanding, an open credit-standing platform: behavior events in, explained scores out."""
    load_kinds(policies_here())


app.command("demo", short_help="See it all work, from beginning to end.")(demo.demo)
app.add_typer(local.app, name="local", short_help="The platform on this machine.")
app.command("doctor", short_help="What is wrong, and what to do next.")(doctor.doctor)
app.add_typer(partner.app, name="partner", short_help="Example events, checks, sending.")
app.command("import", short_help="The past of a new platform, month by month.")(loading.import_)
app.command("go-live", short_help="Close the past for good.")(loading.go_live)
app.add_typer(tail.app, name="tail", short_help="Follow a topic, readable.")
app.add_typer(dead_letters.app, name="dead-letters", short_help="What services have set aside.")
app.add_typer(clock.app, name="clock", short_help="Do the services know the time?")
app.add_typer(offsets.app, name="offsets", short_help="Do Kafka and Postgres agree?")
app.command("explain", short_help="A score, and why it is what it is.")(explain.explain)
app.command("history", short_help="A person's scores, and what moved them.")(explain.history)
app.command("records", short_help="A person's negative records.")(people.records)
app.command("consents", short_help="A person's consents, and what became of them.")(people.consents)
app.command("benefits", short_help="A person's tier, and what it opens.")(people.benefits)
app.add_typer(subject.app, name="subject", short_help="Dispute, withdraw, be erased, export.")
app.command("erasures", short_help="What is being erased, and how long it takes.")(erasures.erasures)
app.add_typer(erasures.receipt_app, name="receipt", short_help="Is a receipt of an erasure true?")
app.command("user-id", short_help="The pseudonym of an identifier.")(people.user_id)
app.command("deadline", short_help="When a negative record lapses.")(policy.deadline)
app.add_typer(policy.app, name="policy", short_help="Check, compare and try policy files.")
app.add_typer(rates.app, name="rates", short_help="Exchange rates of other currencies.")
app.command("score", short_help="The scores of people in files of events.")(score.score)
app.command("backtest", short_help="Does a scorecard predict?")(backtest.backtest)
app.add_typer(portal.person_app, name="person", short_help="A person's own page.")
app.add_typer(portal.app, name="portal", short_help="Keys and links of the portal.")
app.command("run", short_help="One service in the foreground.")(platform.run)
app.command("migrate", short_help="Create roles and schemas, and migrate them.")(platform.migrate)
app.command("topics", short_help="Create topics, and compare them with the table.")(platform.topics)
app.add_typer(acl.app, name="acl", short_help="Who may do what on Kafka.")
app.command("secrets", short_help="Make passwords and keys as files.")(platform.secrets)
