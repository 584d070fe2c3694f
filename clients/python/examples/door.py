"""A rental firm's door: a user_id a line on standard input, and for each whether the car goes out without a deposit.

    python door.py kafka:9092 < arrivals.txt

Where nothing was heard of the platform for five minutes, it asks for the deposit.
"""

import asyncio
import sys
from datetime import timedelta

from goodstanding_client import Follower, StaleError

BENEFIT = "car-rental-no-deposit"
FIVE_MINUTES = timedelta(minutes=5)


async def answer(follower: Follower, user_id: str) -> str:
    try:
        if not await follower.is_granted(user_id, BENEFIT, at_most_stale=FIVE_MINUTES):
            return "deposit"
    except StaleError:
        return "deposit"
    tier = await follower.tier(user_id)
    if tier is not None and tier.falls_at is not None and BENEFIT in (tier.ending or ()):
        return f"no deposit until {tier.falls_at:%Y-%m-%d %H:%M}Z"
    return "no deposit"


async def main(kafka: str) -> None:
    async with Follower(kafka) as follower:
        await follower.caught_up()
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(await answer(follower, line.strip()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
