"""Follow the scores, tiers and restrictions of a Goodstanding platform, and ask what somebody may have.

    async with Follower("kafka:9092") as follower:
        await follower.caught_up()
        if await follower.is_granted(user_id, "car-rental-no-deposit"):
            ...

What is known is kept in memory, or in Postgres (`goodstanding_client.postgres`, the extra `postgres`).
"""

from goodstanding_client.changes import Change, Erased, ScoreChanged, TierChanged
from goodstanding_client.follower import Follower, NoTopicError
from goodstanding_client.login import login_options
from goodstanding_client.memory import Memory
from goodstanding_client.messages import ScoreChange, TierChange
from goodstanding_client.store import StaleError, Store

__all__ = [
    "Change",
    "Erased",
    "Follower",
    "Memory",
    "NoTopicError",
    "ScoreChange",
    "ScoreChanged",
    "StaleError",
    "Store",
    "TierChange",
    "TierChanged",
    "login_options",
]
