"""What travels and what is kept, in bytes: the mean of what the samples and the usual person lead to."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import msgspec

from bench.budget.cores import outgoing, score_change
from bench.ingest_core import SEVEN
from bench.peers import runner_fold, work
from bench.scorer_core import CARD, CIRCLE, FIRST, MONTHS, grown
from services.scorer.core.score import encode as encode_evaluation
from services.scorer.core.score import evaluate
from services.scorer.core.state import encode
from shared.runner.service import Outgoing


def figures() -> Iterator[tuple[str, float]]:
    """By case: its name, and bytes."""
    sent = {partner: outgoing(partner)[1] for partner in SEVEN}
    for partner, messages in sent.items():
        yield f"message, an event of {partner} normalized", _mean(messages)
    score = score_change(12, 720)
    yield "message, a score", _bytes(score)
    everything = [each for messages in sent.values() for each in messages]
    yield "outbox, a message", len(msgspec.msgpack.encode(everything)) / len(everything)
    state = grown()
    yield "state row, the scorer after two years", len(encode(state))
    yield "state row, the scorer after half a year", len(encode(grown(MONTHS - 6)))
    yield "state row, an evaluation", len(encode_evaluation(evaluate(state, CARD, FIRST + MONTHS - 1, CIRCLE)))
    ids = " ".join(f"{number:016x}" for number in range(work.SEEN_MAX))
    yield "state row, the work of the peers", len(runner_fold.packed(runner_fold.State(32, 1_000, 3, 9, ids)))


def _mean(messages: Sequence[Outgoing]) -> float:
    return statistics.mean(map(_bytes, messages))


def _bytes(message: Outgoing) -> int:
    """Key, value, and the names and contents of the headers."""
    headers = sum(len(name) + len(content) for name, content in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers
