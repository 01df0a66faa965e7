"""What a client keeps on disk: payloads, whole and in part, and the outbox."""

import hashlib
import json
import os
from pathlib import Path

import numpy

from .control_pb2 import Control

PARTIAL = ".partial"
SPARE_PAYLOADS = 4  # kept beyond what the outbox needs: orders often name one that is here


def write_durably(path, content):
    """Makes a file of `content` appear at once, readable by its owner only, and forces it to disk."""
    scratch = path.with_name(path.name + ".new")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    rename_durably(scratch, path)


def rename_durably(scratch, path):
    """Gives a file, which is on disk, its final name, and forces that to disk."""
    os.replace(scratch, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def order_key(message):
    """The OrderID of a message, as a dictionary's key."""
    return message.id.SerializeToString(deterministic=True)


class Store:
    """Payloads by their SHA-256; in `outbox`, by order, the messages that the server has still to answer."""

    def __init__(self, directory):
        self._payloads, self._letters = Path(directory, "payloads"), Path(directory, "outbox")
        for folder in (self._payloads, self._letters):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        letters = [Control.FromString(path.read_bytes()) for path in sorted(self._letters.glob("*.letter"))]
        self.outbox = {order_key(getattr(letter, letter.WhichOneof("message"))): letter for letter in letters}

    def payload(self, sha256, suffix=""):
        """Where a payload lies; what there is of one that has not come whole has the suffix PARTIAL."""
        return self._payloads / (sha256.hex() + suffix)

    def accept(self, sha256):
        """Hashes a partial payload, all of it. Returns whether `sha256` names it, and keeps nothing of it if not."""
        partial = self.payload(sha256, PARTIAL)
        with open(partial, "rb") as file:
            is_right = hashlib.file_digest(file, "sha256").digest() == sha256
            if is_right:
                os.fsync(file.fileno())
        rename_durably(partial, self.payload(sha256)) if is_right else partial.unlink()
        return is_right

    def add(self, content):
        """Keeps a payload that was made here, and returns its SHA-256."""
        sha256 = hashlib.sha256(content).digest()
        write_durably(self.payload(sha256), content)
        return sha256

    def post(self, key, letter):
        """Puts an UpdateOffer or an EvaluationResult into the outbox, where it stays until it is answered."""
        write_durably(self._letter(key), letter.SerializeToString())
        self.outbox[key] = letter

    def remove(self, key):
        """Takes an answered message out of the outbox, and old payloads off the disk."""
        del self.outbox[key]
        self._letter(key).unlink()
        needed = {self.payload(letter.update_offer.adapter.sha256) for letter in self.outbox.values()}
        others = sorted(set(self._payloads.iterdir()) - needed, key=lambda path: path.stat().st_mtime)
        for path in others[:-SPARE_PAYLOADS]:
            path.unlink()

    def _letter(self, key):
        return self._letters / f"{hashlib.sha256(key).hexdigest()}.letter"


def read_tensors(path):
    """Returns the tensors of a safetensors file, which are all F32, by name; raises `ValueError` for any other file."""
    content = path.read_bytes()
    start, tensors = 8 + int.from_bytes(content[:8], "little"), {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            if entry["dtype"] != "F32":
                raise ValueError(f"'{name}' is {entry['dtype']}, not F32")
            shape, offset = entry["shape"], start + entry["data_offsets"][0]
            tensors[name] = numpy.frombuffer(content, "<f4", int(numpy.prod(shape)), offset).reshape(shape)
    return tensors


def encode_tensors(tensors):
    """Returns a safetensors file: tensors in the order of their names, as F32, the header padded to 8 bytes."""
    header, parts, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors, key=str.encode):
        values = numpy.asarray(tensors[name], "<f4")
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
        parts.append(values.tobytes())
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
