"""Frames, `length (u32) | kind (u8) | body`, and the two kinds of body."""

import struct
from collections import namedtuple

from google.protobuf.message import DecodeError

from .control_pb2 import Control

CONTROL, CHUNK = 1, 2
CONTROL_LIMIT = 262_144  # bytes of a control message from the server
CHUNK_LIMIT, SMALLEST_CHUNK = 1_048_576, 16_384  # payload bytes in a chunk; fewer only in a payload's last
CHUNK_HEADER = struct.Struct(">32sQ")  # SHA-256 of the whole payload, offset
Chunk = namedtuple("Chunk", "sha256 offset content")


class ProtocolError(Exception):
    """What came is not what the protocol allows. `kind` is a word of vectors/refused.json when bytes are no frame."""

    def __init__(self, text, kind=None):
        super().__init__(text)
        self.kind = kind


def encode(message):
    """Returns the frame of a `Control` or a `Chunk`."""
    if isinstance(message, Chunk):
        kind, body = CHUNK, CHUNK_HEADER.pack(message.sha256, message.offset) + message.content
    else:
        kind, body = CONTROL, message.SerializeToString(deterministic=True)
    return struct.pack(">IB", len(body) + 1, kind) + body


class FrameDecoder:
    """Cuts a stream into messages. What it holds grows with the bytes that came, never with what a length claims."""

    def __init__(self, control_limit=CONTROL_LIMIT, chunk_limit=CHUNK_LIMIT):
        self._limits = {CONTROL: control_limit} | ({CHUNK: CHUNK_HEADER.size + chunk_limit} if chunk_limit else {})
        self._buffer = bytearray()

    def feed(self, content):
        """Yields the messages that are whole with `content`; raises `ProtocolError` as soon as one cannot be."""
        self._buffer += content
        while frame := self._next_frame():
            kind, body = frame
            yield decode_chunk(body) if kind == CHUNK else decode_control(body)

    @property
    def is_within_chunk(self):
        return self._buffer[4:5] == bytes([CHUNK])

    def finish(self):
        """Says that the stream has ended, which it must not do within a frame."""
        if self._buffer:
            raise ProtocolError("The stream ended within a frame.", "ends")

    def _next_frame(self):
        if len(self._buffer) < 4:
            return None
        length, kind = int.from_bytes(self._buffer[:4]), self._buffer[4] if len(self._buffer) > 4 else None
        if length < 2:
            raise ProtocolError("A frame has no body.", "empty")
        if kind is not None and kind not in self._limits:
            raise ProtocolError(f"A frame has the kind {kind}.", "unknown-kind")
        if length - 1 > self._limits.get(kind, max(self._limits.values())):
            raise ProtocolError(f"A frame claims {length} bytes.", "too-long")
        if len(self._buffer) < 4 + length:
            return None
        body = bytes(self._buffer[5 : 4 + length])
        del self._buffer[: 4 + length]
        return kind, body


def decode_control(body):
    try:
        control = Control.FromString(body)
    except DecodeError:
        control = Control()
    if control.WhichOneof("message") is None:
        raise ProtocolError("A control message cannot be read, or is none that is known.", "undecodable-control")
    return control


def decode_chunk(body):
    if len(body) <= CHUNK_HEADER.size:
        raise ProtocolError("A chunk has no bytes.", "empty" if len(body) == CHUNK_HEADER.size else "truncated-chunk")
    chunk = Chunk(*CHUNK_HEADER.unpack_from(body), body[CHUNK_HEADER.size :])
    if chunk.offset + len(chunk.content) >= 2**64:
        raise ProtocolError(f"A chunk begins at {chunk.offset}.", "offset-overflow")
    return chunk
