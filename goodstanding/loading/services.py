"""Who starts and stops the services while a past is loaded: this program, or somebody else, as compose does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import Stack, start, stop

Say = Callable[[str], None]

_CLOCK, _SILENT, _BACKFILL = "GOODSTANDING_CLOCK", "GOODSTANDING_SILENT", "GOODSTANDING_BACKFILL"
_COMMAND = "GOODSTANDING_COMMAND"


@dataclass(frozen=True, slots=True)
class _Written:
    """Where whoever runs the services elsewhere writes their variables, and how they are started again with them."""

    place: str
    restart: str
    restart_scorer: str


_COMPOSE = _Written(
    ".env", "docker compose up --detach --wait", "start the scorer again (docker compose up --detach --wait scorer)"
)
_OTHERS = _Written(
    "the services' settings and this command's",
    "start them again (with the Helm chart: helm upgrade)",
    "start the scorer again (with the Helm chart: helm upgrade)",
)


def _written_in() -> _Written:
    """Compose says to each command how it is called there."""
    return _COMPOSE if os.environ.get(_COMMAND, "").startswith("docker compose") else _OTHERS


class Here:
    """The services are processes of the stack. What returns a deployment has written its new settings down."""

    another = "Set up another one: GOODSTANDING_HOME=... goodstanding local up --loading"
    """How a platform with an open past is set up."""
    when_live = None
    """What is left to do when the past is closed."""

    def __init__(self, stack: Stack, say: Say) -> None:
        self.processes: Sequence[ServiceProcess] = stack.processes
        """Those that must live while the clock is led, as far as this program can tell."""
        self._say = say

    def have_run(self, deployment: Deployment) -> None:
        """All of them run when this returns."""
        start(deployment, self._say, attached=False)

    def stop(self) -> None:
        stop(self.processes)

    def are_silent(self, deployment: Deployment) -> bool:
        """Whether the scorer publishes nothing meanwhile."""
        return deployment.settings.past_scores == "last"

    def publish(self, deployment: Deployment) -> Deployment:
        """From now on the scorer publishes, the run that is over included."""
        return self._with(deployment, past_scores="all")

    def backfill(self, deployment: Deployment, window: str | None) -> Deployment:
        """The scorer takes the events of these closed months; with None, of no closed month any more."""
        return self._with(deployment, backfill=window)

    def _with(self, deployment: Deployment, **changed: str | None) -> Deployment:
        # Stopped first: whoever repeats this after a kill must not find a scorer at work that was told otherwise.
        stop([deployment.process("scorer")])
        deployment = _written(deployment, **changed)
        start(deployment, self._say, attached=False)
        return deployment


class Elsewhere:
    """As `Here`, for services that something else starts, with the same variables as this program has: what these say
    here they say to the services, once those are started again."""

    processes: Sequence[ServiceProcess] = ()

    def __init__(self, say: Say) -> None:
        self._say = say
        self._written = _written_in()
        self.another = (
            f"Set up another one, with GOODSTANDING_CLOCK=loading in {self._written.place} (docs/loading.md)."
        )
        self.when_live = (
            "The services stand still until they go by the system's clock: take GOODSTANDING_CLOCK out of "
            f"{self._written.place}, then {self._written.restart}"
        )

    def have_run(self, deployment: Deployment) -> None:
        """Whether they do is seen by what they have done."""

    def stop(self) -> None:
        """They do nothing more once their clock has ended."""

    def are_silent(self, deployment: Deployment) -> bool:
        return os.environ.get(_SILENT, "").lower() not in ("", "false", "0")

    def publish(self, deployment: Deployment) -> Deployment:
        raise UserError(
            "The clock shows the present, and nothing is published yet.",
            f"To publish everybody's last score, take {_SILENT} out of {self._written.place}, {self._again}",
        )

    def backfill(self, deployment: Deployment, window: str | None) -> Deployment:
        if window is None:
            place = self._written.place
            self._say(f"The months are open until you take {_BACKFILL} out of {place}, and start the scorer again.")
        elif os.environ.get(_BACKFILL) != window:
            raise UserError(
                "The scorer was not told yet to take events of these months.",
                f"Write {_BACKFILL}={window} into {self._written.place}, {self._again}",
            )
        return _written(deployment, backfill=window)

    @property
    def _again(self) -> str:
        return f"{self._written.restart_scorer}, and repeat the command."


def check_clock(settings: FixedSettings) -> None:
    """Raises UserError where the services will be told of another clock than the deployment's. Those with a database
    would do nothing by it, but ingest has none, and would take what comes as of today."""
    said = os.environ.get(_CLOCK)
    if said is None or (said or "system") == settings.clock:
        return
    if settings.clock == "loading":
        raise UserError(
            "This platform is loading its past.",
            f"Until `goodstanding go-live` has closed it, say {_CLOCK}=loading in {_written_in().place}.",
        )
    raise UserError(
        "The past of this platform is closed: it was not set up for loading, or has gone live.",
        f"Take {_CLOCK} out of {_written_in().place}.",
    )


Services = Here | Elsewhere


def services_of(stack: Stack, say: Say) -> Services:
    return Here(stack, say) if stack.runs_services else Elsewhere(say)


def _written(deployment: Deployment, **changed: str | None) -> Deployment:
    settings = msgspec.structs.replace(deployment.settings, **changed)
    return Deployment.create(deployment.directory, deployment.addresses, settings)
