"""The command line: `goodstanding --help` lists it, and each command shows an example of itself."""

from __future__ import annotations

from goodstanding.cli import demo, partner, people, platform, policy, tail
from goodstanding.cli.frame import commands

app = commands("Goodstanding, an open credit-standing platform: behavior events in, explained scores out.")
app.command("demo")(demo.demo)
app.command("run")(platform.run)
app.command("migrate")(platform.migrate)
app.command("secrets")(platform.secrets)
app.command("topics")(platform.topics)
app.command("user-id")(people.user_id)
app.command("explain")(people.explain)
app.command("records")(people.records)
app.command("benefits")(people.benefits)
app.command("deadline")(policy.deadline)
app.add_typer(policy.app, name="policy")
app.add_typer(platform.local, name="local")
app.add_typer(partner.app, name="partner")
app.add_typer(tail.app, name="tail")
