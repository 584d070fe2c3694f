"""Columns as earlier releases of the scorer wrote them, and as they lie in deployments."""

from __future__ import annotations

import msgspec

from services.scorer.core.state import State, vectors

FORMAT_1 = bytes.fromhex(
    "0198cd5ef8cd5ee483cd5ee4c40781149401000101cd5ef7c404813c9103cd5ef8c40981149401cd1f40010282cd5ef7c40c"
    "cdaf7a70cf07184687202e0ecd5ef8c42407bbece7311d346d776b4109723003cd97603333ac5bbde5aae01b42b4638dc7fc"
    "a8b0e8816493cf0006486542361000c408aae01b42b4638dc7a8766572696669656481c40943f000a36f6d744e50c42582cd"
    "5eefce000dbba0cd5ef893cf0006486542361000c40807bbece7311d346dce000f4240c40082c4083c1395a904d805869a03"
    "cd5ef8a0c0c2c2c0c0c0c0c40883dd8a0c5b69bd309a02cd5ef8ad636f7572742e6c697374696e67a56c6567616cc3c2c0aa"
    "323032362d30312d3135c0c0"
)
"""Five events and two records of one person, in January 2026; `TestFormat1` has them. One of the records is gone."""

FORMAT_2 = bytes.fromhex(
    "029acd5ef8cd5ef5cd5ee484cd5ee4c40781149401000101cd5eefc40981059201ce0004baf0cd5ef7c40c82059201ce0003"
    "d0903c9103cd5ef8c41783059201ce00075300149401cd1f4001023c92fed1d95482cd5ef7c41807dc0f08e8a0cfbdd78720"
    "2e07dccdaf7a70cf07184861b2cd5ef8c43c07dc07bbece7311d349dba8307dc3a4f181f2fdd5021cc8d07dcaae01b42b463"
    "8dac5bbd07dcdd3926827ce401fca8b007dda8a5b6a5a7ff54776b41816493cf0006486542361000c407dd3926827ce401a8"
    "766572696669656481c409155a6e48f90dd74850c42482cd5eefce000dbba0cd5ef893cf0006486542361000c407a8a5b6a5"
    "a7ff54ce000f4240c40082c4083c1395a904d805869a03cd5ef8a0c0c2c2c0c0c0c0c40883dd8a0c5b69bd309a02cd5ef8ad"
    "636f7572742e6c697374696e67a56c6567616cc3c2c0aa323032362d30312d3135c0c080"
)
"""Ten events and two records of one person, of three late months and January 2026; `TestFormat2` has them. Written by
the code of commit dc3c775, the last release without limits, one event at a time under its shipped scorecard in
continuous cadence. One of the records is gone."""

EVALUATION_OF_FORMAT_2 = bytes.fromhex(
    "95cd015ec293a6637265646974a966696e616e63696e67b06c75787572792d70757263686173657394ac6b6570742d6f6e2d"
    "74696d65b06e656761746976652d7265636f726473ad6163746976652d6d6f6e746873ad7374656164792d696e636f6d6598"
    "94a462617365cd015ecd015e8094ac6b6570742d6f6e2d74696d6500ccd283ab6f626c69676174696f6e7302a46c61746502"
    "ad646179735f6c6174655f6d61780294ad6163746976652d6d6f6e7468730acc9682ad6d6f6e7468735f61637469766502ab"
    "6d6f6e7468735f7365656e0c94ad7374656164792d696e636f6d6528788094b176657269666965642d6964656e746974795a"
    "5a81a576616c7565a8766572696669656494b1636f6e74616374732d7374616e64696e670a1e8094b06e656761746976652d"
    "7265636f726473d1ff380081af6c6567616c5f756e736574746c65640194a5666c6f6f72320080"
)
"""The person's last evaluation, which lay beside it in the row."""

FORMAT_3 = bytes.fromhex(
    "039acd5ef8cd5ef5cd5ee485cd5ee4c40781149401000101cd5eefc40f82059201ce0004baf0149201cd1b58cd5ef6c409811e94"
    "04cd03200128cd5ef7c41782059602ce00046cd00000ce002625a0023c9203cd7530cd5ef8c41f83059602ce00077a100000ce00"
    "1e848001149401cd1f4001023c92fed1d95483cd5ef6c41807dc07bbece7311d34f772c007dcaae01b42b4638d14ec7acd5ef7c4"
    "2407dc0f08e8a0cfbdd7e3038807dc3a4f181f2fdd5085fbf807dc5fbe909fee6b6583ee26cd5ef8c44807dc9c5528c985e93e53"
    "75de07dca8a5b6a5a7ff54cdeb3707dcba1c66088ed2f221cc8d07dcdd3926827ce401ac5bbd07dcfc05724d67b8bbfca8b007dd"
    "acbfd62ac9dcbd776b41816493cf0006486542361000c407fc05724d67b8bba8766572696669656481c409155a6e48f90dd74850"
    "c42482cd5eefce000dbba0cd5ef893cf0006486542361000c407acbfd62ac9dcbdce000f4240c40082c4083c1395a904d805869a"
    "03cd5ef8a0c0c2c2c0c0c0c0c40883dd8a0c5b69bd309a02cd5ef8ad636f7572742e6c697374696e67a56c6567616cc3c2c0aa32"
    "3032362d30312d3135c0c080"
)
"""Fifteen events and two records of one person; `TestFormat3` has them. Written by the code of commit 6361aae, the last
release that kept vectors by month, one event at a time in the order of their
months, under the plain scorecard in continuous cadence."""

EVALUATION_OF_FORMAT_3 = bytes.fromhex(
    "96cd0177c293a6637265646974a966696e616e63696e67b06c75787572792d70757263686173657394b06e656761746976652d72"
    "65636f726473ac6b6570742d6f6e2d74696d65a8696e2d612d726f77ad7374656164792d696e636f6d659894a462617365cd015e"
    "cd015e8094ac6b6570742d6f6e2d74696d6519ccd292cd01b50494ad6163746976652d6d6f6e7468733c3c92cd014d0c94a8696e"
    "2d612d726f77005a92030494ad7374656164792d696e636f6d6528788094b176657269666965642d6964656e746974795a5a92a8"
    "76657269666965640194b1636f6e74616374732d7374616e64696e670a1e8094b06e656761746976652d7265636f726473d1ff38"
    "0081af6c6567616c5f756e736574746c65640190"
)
"""The person's last evaluation, which lay beside it in the row."""


def format_3(state: State) -> bytes:
    """The column as the releases of format 3 would have written it; as those of format 2 but for its first byte."""
    kept = {"kinds": _by_month(state), "records": _records(state)}
    return b"\x03" + msgspec.msgpack.encode([kept.get(name, getattr(state, name)) for name in state.__struct_fields__])


def format_1(state: State, old_ids: dict[int, bytes]) -> bytes:
    """The column as release 0.1 would have written it."""
    last = (state.facts, state.figures, state.blocked, state.records)
    return b"\x01" + msgspec.msgpack.encode((state.month, state.first, _by_month(state), old_ids, *last))


def _records(state: State) -> dict[bytes, list[object]]:
    """Without the fields that came later."""
    came_later = ("unheard", "counted")
    return {
        id: [getattr(record, name) for name in record.__struct_fields__ if name not in came_later]
        for id, record in state.records.items()
    }


def _by_month(state: State) -> dict[int, bytes]:
    return {month: msgspec.msgpack.encode(by_kind) for month, by_kind in vectors(state, 0, 2**31)}
