"""`clock`: the operator's word for a clock that is more than a month from the last time that a service knows."""

from __future__ import annotations

from goodstanding.cli.arguments import AnyService, ServiceName
from goodstanding.cli.frame import AsJson
from goodstanding.cli.group import commands
from goodstanding.cli.offsets import Yes, answer_waiting_and_exit, give, waiting_of
from goodstanding.platform.stack import Stack

app = commands("Whether the services know what time it is, and your word where they cannot know it.")


@app.command()
def check(
    service: AnyService = "",
    as_json: AsJson = False,
) -> None:
    """Which services wait because the clock has jumped by more than a month. Ends with 1 when one does.

    Example: goodstanding clock check
    """
    waiting = waiting_of(Stack.default().deployment, service, about_time=True)
    answer_waiting_and_exit(waiting, as_json, nothing="No service waits for your word about the time.")


@app.command()
def accept(
    service: ServiceName,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Vouch for the time that the service's clock shows: after an outage of more than a month it is right. Months will
    close, and what is due will expire. Your word is written down with its time.

    Example: goodstanding clock accept retention --yes
    """
    deployment = Stack.default().deployment
    give(
        deployment,
        waiting_of(deployment, service, about_time=True),
        yes=yes,
        as_json=as_json,
        nothing=f"{service} does not wait for your word about the time.",
        check=f"goodstanding clock check {service}",
        accept=f"If the clock is right: goodstanding clock accept {service} --yes",
    )
