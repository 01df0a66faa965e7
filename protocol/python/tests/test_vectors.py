"""Holds the client against the golden vectors in protocol/vectors."""

import hashlib
import json
import re
import unittest
from pathlib import Path

from google.protobuf import json_format

from tributary_client.control_pb2 import DESCRIPTOR, Control
from tributary_client.frames import Chunk, FrameDecoder, ProtocolError, encode
from tributary_client.membership import MembershipError, parse_join_string, write_join_string

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def vectors(name, count):
    entries = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    if len(entries) != count:
        raise AssertionError(f"{name} has {len(entries)} vectors, not {count}: was this test forgotten?")
    return entries


def decode(stream, step):
    """Decodes a whole stream that comes in pieces of `step` bytes."""
    decoder, messages = FrameDecoder(), []
    for start in range(0, len(stream), step):
        messages += decoder.feed(stream[start : start + step])
    decoder.finish()
    return messages


def numbered(descriptor):
    """Yields name and number of every field and enumeration value in a file or a message."""
    nested = descriptor.message_types_by_name if descriptor is DESCRIPTOR else descriptor.nested_types_by_name
    for message in nested.values():
        if not message.GetOptions().map_entry:
            yield from ((field.name, str(field.number)) for field in message.fields)
            yield from numbered(message)
    for enumeration in descriptor.enum_types_by_name.values():
        yield from ((value.name, str(value.number)) for value in enumeration.values)


class Vectors(unittest.TestCase):
    def test_the_generated_messages_are_those_of_control_proto(self):
        text = (VECTORS.parent / "control.proto").read_text(encoding="utf-8")
        self.assertEqual(sorted(numbered(DESCRIPTOR)), sorted(re.findall(r"(\w+) = (\d+);", text)))

    def test_one_order_has_every_field_that_an_assignment_can_have(self):
        vector = next(one for one in vectors("control.json", 34) if one["name"] == "order-train-with-every-field")
        assignment = json_format.ParseDict(vector["message"], Control()).order.assignment
        for part in (assignment, assignment.training, assignment.rank_pruning, assignment.privacy):
            present = {field.name for field, _ in part.ListFields()}
            self.assertEqual(present, {field.name for field in part.DESCRIPTOR.fields})

    def test_control_messages_have_their_golden_bytes(self):
        kinds = set()
        for vector in vectors("control.json", 34):
            with self.subTest(vector["name"]):
                message, frame = json_format.ParseDict(vector["message"], Control()), bytes.fromhex(vector["frame"])
                kinds.add(message.WhichOneof("message"))
                self.assertEqual(encode(message).hex(), frame.hex())
                self.assertEqual(decode(frame, len(frame)), [message])
                self.assertEqual(decode(frame, 1), [message])
        self.assertEqual(kinds, {field.name for field in Control.DESCRIPTOR.fields})

    def test_chunks_have_their_golden_bytes(self):
        for vector in vectors("chunks.json", 4):
            with self.subTest(vector["name"]):
                offset = int(vector["offset"])
                if "bytes" in vector:
                    content = bytes.fromhex(vector["bytes"])
                else:
                    content = bytes((offset + index) % 256 for index in range(vector["byteCount"]))
                chunk = Chunk(bytes.fromhex(vector["sha256"]), offset, content)
                frame = encode(chunk)
                self.assertEqual(vector.get("frame", frame.hex()), frame.hex())
                digest = hashlib.sha256(frame).hexdigest()
                self.assertEqual(vector.get("frameSha256", digest), digest)
                self.assertEqual(decode(frame, 7), [chunk])

    def test_bad_bytes_are_refused(self):
        for vector in vectors("refused.json", 20):
            stream = bytes.fromhex(vector["bytes"])
            for step in (1, max(1, len(stream))):
                with self.subTest(vector["name"], step=step), self.assertRaises(ProtocolError) as caught:
                    decode(stream, step)
                self.assertEqual(caught.exception.kind, vector["error"])

    def test_a_frame_is_judged_by_its_length_before_its_body_comes(self):
        decoder = FrameDecoder(control_limit=16_384, chunk_limit=0)
        with self.assertRaises(ProtocolError):
            list(decoder.feed((16_386).to_bytes(4)))
        with self.assertRaises(ProtocolError):
            list(FrameDecoder(chunk_limit=0).feed(b"\0\0\0\x2a\x02"))

    def test_join_strings_read_and_write(self):
        for vector in vectors("join-strings.json", 3):
            with self.subTest(vector["host"]):
                parsed = parse_join_string(f"  {vector['text']}\n")
                found = parsed._asdict() | {"authority": parsed.authority.hex(), "secret": parsed.secret.hex()}
                self.assertEqual(found, {name: vector[name] for name in found})
                self.assertEqual(write_join_string(*parsed), vector["text"])

    def test_every_changed_character_of_a_join_string_is_noticed(self):
        text = vectors("join-strings.json", 3)[0]["text"]
        damaged = [text[:index] + "BA"[text[index] == "B"] + text[index + 1 :] for index in range(len(text))]
        damaged += [text[:length] for length in range(len(text))]
        damaged += [text + "A", text + "=", text.replace("trib1", "trib2"), "trib1é", text[:9] + " " + text[9:]]
        for line in damaged:
            with self.subTest(line), self.assertRaises(MembershipError):
                parse_join_string(line)


if __name__ == "__main__":
    unittest.main()
