"""Reads Protobuf by the text of a schema, as the JSON that Protobuf's own documentation gives for it.

The compiler of `grpcio-tools` makes descriptors of the text, once for each schema and in a process of its own. Fields
are named as in the schema. Integers of 64 bits are texts of digits, bytes are base64. A field that has no presence has
its default where it was not sent; but an empty text says nothing, so it is left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

_MAIN = "value-of-the-registry.proto"
_COMPILES_WITHIN_S = 60
_VARINT_BYTES_MAX = 5
_INDEXES_MAX = 100

Reader = Callable[[bytes], bytes]


class ProtobufError(ValueError):
    """The text is no schema that can be used."""


def protobuf_reader(text: str, imported: Mapping[str, str]) -> Reader:
    """The reader of what follows the frame: which message of the schema it is, and the message. `imported` are further
    texts by the names under which they are imported. Raises ProtobufError."""
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

    found = descriptor_pb2.FileDescriptorSet.FromString(_compiled({**imported, _MAIN: text}))
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.Add(file)
    main = next(file for file in found.file if file.name == _MAIN)

    def read(data: bytes) -> bytes:
        path, rest = indexes(data)
        message: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(_name(main, path)))()
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


def indexes(data: bytes) -> tuple[Sequence[int], bytes]:
    """Which message of its schema the data are of, as the indices of the message and of those in it; and the data.

    Most writers use zigzag numbers, some plain ones: an odd count cannot be a zigzag one. A single zero is the first
    message. Raises ValueError.
    """
    count, at = _varint(data, 0)
    if count == 0:
        return (0,), data[at:]
    plain = count % 2 == 1
    path: list[int] = []
    for _ in range(count if plain else count // 2):
        number, at = _varint(data, at)
        if len(path) == _INDEXES_MAX or (not plain and number % 2):
            raise ValueError("no indices of a message")
        path.append(number if plain else number // 2)
    return path, data[at:]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(data[at : at + _VARINT_BYTES_MAX]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, at + index + 1
    raise ValueError("no number")


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
            file = Path(directory, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        made = Path(directory, "descriptors")
        options = [f"--proto_path={directory}", "--include_imports", f"--descriptor_set_out={made}", _MAIN]
        program = [sys.executable, "-m", "grpc_tools.protoc", *options]
        if subprocess.run(program, capture_output=True, timeout=_COMPILES_WITHIN_S, check=False).returncode:
            raise ProtobufError
        return made.read_bytes()
