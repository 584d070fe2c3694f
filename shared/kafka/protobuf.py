"""Reads Protobuf by the text of a schema, as the JSON that Protobuf's own documentation gives for it.

The compiler of `grpcio-tools` makes descriptors of the text, once for each schema and in a process of its own. Fields
are named as in the schema. Integers of 64 bits are texts of digits, bytes are base64. A field that has no presence has
its default where it was not sent; but an empty text says nothing, so it is left out. What the data may become is
bounded.
"""

from __future__ import annotations

import errno
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from shared.kafka.value_bounds import Budget, varint

_MAIN = "value-of-the-registry.proto"
_COMPILES_WITHIN_S = 60
_INDEX_BYTES_MAX = 5
_INDEXES_MAX = 100
_LIMITLESS = 10**9
_ANY = "google.protobuf.Any"
_NUMBER, _EIGHT_BYTES, _LENGTH, _GROUP, _GROUP_END, _FOUR_BYTES = range(6)
"""How a field is written, which the lowest three bits of its tag say."""

Reader = Callable[[bytes, int], bytes]


class ProtobufError(ValueError):
    """The text is no schema that can be used."""


def protobuf_reader(text: str, imported: Mapping[str, str]) -> Reader:
    """The reader of what follows the frame: which message of the schema it is, and the message. It is also told how
    many values the message may have. `imported` are further texts by the names under which they are imported. Raises
    ProtobufError."""
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

    found = descriptor_pb2.FileDescriptorSet.FromString(_compiled({**imported, _MAIN: text}))
    pool = descriptor_pool.DescriptorPool()
    try:
        for file in found.file:
            pool.Add(file)
    except TypeError:  # what the compiler takes and the library does not
        raise ProtobufError from None
    main = next(file for file in found.file if file.name == _MAIN)
    known: dict[str, int] = {}

    def read(data: bytes, values_max: int) -> bytes:
        path, rest = indexes(data)
        descriptor = pool.FindMessageTypeByName(_name(main, path))
        if _most(descriptor, known) > values_max:
            _Walk(rest, Budget(values_max)).past(descriptor, 0, len(rest), 0)
        message: Any = message_factory.GetMessageClass(descriptor)()
        message.ParseFromString(rest)
        # A field that the schema does not have would otherwise be passed over unseen (rules E12).
        size = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() != size:
            raise ValueError("the data have fields that the schema does not have")
        said = json_format.MessageToDict(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            descriptor_pool=pool,
        )
        return msgspec.json.encode(_without_empty_texts(said))

    return read


def _most(descriptor: Any, known: dict[str, int]) -> int:
    """How many values a message can have at most, defaults included; `_LIMITLESS` where the data decide. `known` are
    types of messages. One is limitless while it is being looked into: if it is met again then, it contains itself."""
    name = descriptor.full_name
    if name not in known:
        known[name] = _LIMITLESS
        counts = [
            _LIMITLESS if field.is_repeated else _most(field.message_type, known) if field.message_type else 1
            for field in descriptor.fields
        ]
        known[name] = _LIMITLESS if name == _ANY else min(1 + sum(counts), _LIMITLESS)
    return known[name]


class _Walk:
    """Goes through a message as it is written, without making anything of it."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._data, self._budget = data, budget

    def past(self, descriptor: Any, at: int, end: int, level: int, group: int | None = None) -> int:
        """Where the message ends that begins at `at`: at `end`, or where its `group` does. Raises BeyondBoundsError,
        and ValueError for what is no message. What the schema does not have is passed over."""
        level = self._budget.enter(level)
        self._budget.spend(1 + len(descriptor.fields) if descriptor else 1)
        if descriptor and descriptor.full_name == _ANY:
            raise ValueError("what is in it is of another schema")
        while at < end:
            tag, at = varint(self._data, at)
            number, form = tag >> 3, tag & 7
            field = descriptor.fields_by_number.get(number) if descriptor else None
            inner = field.message_type if field else None
            self._budget.spend(1)
            if form == _NUMBER:
                _, at = varint(self._data, at)
            elif form == _LENGTH:
                length, at = varint(self._data, at)
                if inner:
                    self.past(inner, at, min(at + length, end), level)
                elif field and field.is_repeated and field.cpp_type != field.CPPTYPE_STRING:  # packed numbers
                    self._budget.spend(length)
                at += length
            elif form == _GROUP:
                at = self.past(inner, at, end, level, number)
            elif form == _GROUP_END and number == group:
                return at
            elif form in (_EIGHT_BYTES, _FOUR_BYTES):
                at += 8 if form == _EIGHT_BYTES else 4
            else:
                raise ValueError("no form of a field")
        if at > end or group is not None:
            raise ValueError("the data end too early")
        return at


def indexes(data: bytes) -> tuple[Sequence[int], bytes]:
    """Which message of its schema the data are of, as the indices of the message and of those in it; and the data.

    Most writers use zigzag numbers, some plain ones: an odd count cannot be a zigzag one. A single zero is the first
    message. Raises ValueError.
    """
    count, at = varint(data, 0, _INDEX_BYTES_MAX)
    if count == 0:
        return (0,), data[at:]
    plain = count % 2 == 1
    path: list[int] = []
    for _ in range(count if plain else count // 2):
        number, at = varint(data, at, _INDEX_BYTES_MAX)
        if len(path) == _INDEXES_MAX or (not plain and number % 2):
            raise ValueError("no indices of a message")
        path.append(number if plain else number // 2)
    return path, data[at:]


def _name(file: Any, path: Sequence[int]) -> str:
    """The full name of a message. Raises IndexError."""
    first, *rest = path
    message = file.message_type[first]
    names = [file.package, message.name] if file.package else [message.name]
    for index in rest:
        message = message.nested_type[index]
        names.append(message.name)
    return ".".join(names)


def _without_empty_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_empty_texts(each) for name, each in value.items() if each != ""}
    return [_without_empty_texts(each) for each in value] if isinstance(value, list) else value


def _compiled(files: Mapping[str, str]) -> bytes:
    """The descriptors of the main file and of all that it imports. Raises ProtobufError."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ProtobufError
            _write(Path(directory, name), text)
        made = Path(directory, "descriptors")
        options = [f"--proto_path={directory}", "--include_imports", f"--descriptor_set_out={made}", _MAIN]
        program = [sys.executable, "-m", "grpc_tools.protoc", *options]
        try:
            ended = subprocess.run(program, capture_output=True, timeout=_COMPILES_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            raise ProtobufError from None
        if ended.returncode:
            raise ProtobufError
        return made.read_bytes()


def _write(file: Path, text: str) -> None:
    """Raises ProtobufError for a name that no file beside the others can have, and for a text that UTF-8 cannot
    encode."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except (FileExistsError, NotADirectoryError, IsADirectoryError, ValueError):
        raise ProtobufError from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise  # the disk's fault, which says nothing about the schema
        raise ProtobufError from None
