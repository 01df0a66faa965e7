"""Reads a silo's data file, and divides it as the native trainer does."""

import csv
import json
from pathlib import Path

from contract import Failure

HELD_OUT_SHARE = 0.2
SPLIT_SEED = 1


def read(path):
    """Returns the rows of a JSONL, CSV or TSV file as dictionaries."""
    path = Path(path)
    if path.suffix in (".jsonl", ".ndjson"):
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines, delimiter="\t" if path.suffix == ".tsv" else ","))
    raise Failure(f"the data file has the ending {path.suffix}, and .jsonl, .csv and .tsv are read")


def split(rows):
    """Returns the rows to train on and the rows that are held out.

    `split` decides where rows have one; else a fifth of the documents, by a hash of their names.
    """
    if not rows:
        raise Failure("the data file has no rows")
    if rows[0].get("split"):
        return [row for row in rows if row["split"] == "train"], [row for row in rows if row["split"] == "test"]
    documents = [str(row.get("document") or row.get("text") or json.dumps(row, sort_keys=True)) for row in rows]
    hashes = {document: _hash(document) for document in documents}
    held_out = {document for document, value in hashes.items() if value >> 11 < int(HELD_OUT_SHARE * 2**53)}
    if len(hashes) > 1:
        # Each side gets one at least.
        order = sorted(hashes, key=lambda document: (hashes[document], document))
        held_out = (held_out | {order[0]}) - {order[-1]}
    else:
        held_out = set()
    train = [row for row, document in zip(rows, documents) if document not in held_out]
    return train, [row for row, document in zip(rows, documents) if document in held_out]


def _hash(name):
    """FNV-1a over the name's UTF-8 bytes, then SplitMix64's finalizer with the seed."""
    mask = 2**64 - 1
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & mask
    value = ((value ^ SPLIT_SEED) + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def label(row, labels):
    """Returns a row's label as an index; a label counts as a name first, and only then as an index."""
    value = row.get("label")
    if str(value) in labels:
        return labels.index(str(value))
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        if int(value) < len(labels):
            return int(value)
    raise Failure("a row has a label that the job does not know")
