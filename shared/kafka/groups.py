"""Who is in a consumer group, asked of its coordinator."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v2
from aiokafka.protocol.api import Request


class _Describe(Request[DescribeGroupsRequest_v2]):  # type: ignore[misc]  # the library has no types
    """The library's own question is of version 3, for which it expects an answer of version 2, and takes what is left
    of the answer for a broken connection."""

    API_KEY = DescribeGroupsRequest_v2.API_KEY

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[DescribeGroupsRequest_v2]) -> DescribeGroupsRequest_v2:
        return request_struct_class([self._group])


async def members(admin: AIOKafkaAdminClient, groups: Sequence[str]) -> dict[str, int]:
    """How many processes each group has now; none for one that does not exist. Raises a KafkaError while a coordinator
    does not say so."""
    return {group: await _members(admin, group) for group in groups}


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    answer = await admin._send_request(_Describe(group), await admin.find_coordinator(group))
    [(error, _name, _state, _type, _protocol, found)] = answer.groups
    if error:
        raise for_code(error)(group)
    return len(found)
