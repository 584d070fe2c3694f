"""Columns as earlier releases of the scorer wrote them, and as they lie in deployments."""

from __future__ import annotations

FORMAT_1 = bytes.fromhex(
    "0198cd5ef8cd5ee483cd5ee4c40781149401000101cd5ef7c404813c9103cd5ef8c40981149401cd1f40010282cd5ef7c40c"
    "cdaf7a70cf07184687202e0ecd5ef8c42407bbece7311d346d776b4109723003cd97603333ac5bbde5aae01b42b4638dc7fc"
    "a8b0e8816493cf0006486542361000c408aae01b42b4638dc7a8766572696669656481c40943f000a36f6d744e50c42582cd"
    "5eefce000dbba0cd5ef893cf0006486542361000c40807bbece7311d346dce000f4240c40082c4083c1395a904d805869a03"
    "cd5ef8a0c0c2c2c0c0c0c0c40883dd8a0c5b69bd309a02cd5ef8ad636f7572742e6c697374696e67a56c6567616cc3c2c0aa"
    "323032362d30312d3135c0c0"
)
"""Five events and two records of one person, in January 2026; `TestFormat1` has them. One of the records is gone."""
