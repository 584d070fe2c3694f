"""Closes the past of a platform that was loading: from then on it goes by the system's clock, for good."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import msgspec

from goodstanding.errors import UserError
from goodstanding.loading.leading import Watch, directory, leading
from goodstanding.loading.services import Services
from goodstanding.loading.shelf import open_shelf
from goodstanding.platform.deployment import Deployment
from shared.clock import close_led_clock
from shared.kafka.sender import started
from shared.runner import past


def go_live(deployment: Deployment, services: Services, say: Callable[[str], None], watch: Watch) -> datetime:
    """Lead the clock to the present, close the past in every service's database, and start the services by the system's
    clock. Returns since when the platform is live. Where it was interrupted it goes on; where all of it is done nothing
    happens. Raises UserError, ServersError and StalledError."""
    if deployment.settings.clock == "system":
        since = _live_since(deployment, services)
        services.have_run(deployment)
        return since
    if deployment.settings.clock != "loading":
        raise UserError("This platform is a demo's, and its clock stands still for good.")
    if (found := asyncio.run(deployment.past())).live_since is None:
        _check_nothing_waits(deployment)
        services.have_run(deployment)
        say("Leading the clock to the present")
        asyncio.run(_lead(deployment, services, watch))
        if services.are_silent(deployment):
            say("Publishing the last scores")
            deployment = services.publish(deployment)
            asyncio.run(_lead(deployment, services, watch))
        say("Closing the past")
        asyncio.run(_close(deployment))
    services.stop()
    asyncio.run(_end_the_clock(deployment))
    settings = msgspec.structs.replace(deployment.settings, clock="system")
    deployment = Deployment.create(deployment.directory, deployment.addresses, settings)
    shutil.rmtree(directory(deployment), ignore_errors=True)
    services.have_run(deployment)
    return found.live_since or _live_since(deployment, services)


def _live_since(deployment: Deployment, services: Services) -> datetime:
    found = asyncio.run(deployment.past())
    if found.live_since is None:
        raise UserError(
            "This platform goes by the system's clock already: it was not set up for loading.", services.another
        )
    return found.live_since


def _check_nothing_waits(deployment: Deployment) -> None:
    with open_shelf(directory(deployment)) as shelf:
        if waiting := sum(shelf.waiting().values()):
            raise UserError(
                f"{waiting:,} events were read and not sent yet, and a closed past takes none of them.",
                "Send them: goodstanding import",
            )


async def _lead(deployment: Deployment, services: Services, watch: Watch) -> None:
    async with leading(deployment, services.processes, watch) as leader:
        await leader.to(datetime.now(UTC))


async def _close(deployment: Deployment) -> None:
    for service in deployment.settings.stateful:
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            await past.close(db)
        finally:
            await db.close()


async def _end_the_clock(deployment: Deployment) -> None:
    async with started(deployment.kafka) as producer:
        await close_led_clock(producer)
