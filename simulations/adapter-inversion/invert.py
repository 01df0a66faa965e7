"""Reads texts back from adapters: `invert.py RUNS` tells how many tokens each kind of update gives away.

A linear attack after Petrov et al., "DAGER: exact gradient inversion for large language models", NeurIPS 2024. After one
step on one text, the change of a B in the first layer is a sum over the text's positions of (gradient) × (A·x), with x what
the embeddings make of a token at its position. Its rows span what the A·x span. So whoever has the base model tries every
token of the vocabulary at every position, and keeps those whose A·x lies in that span: no search, no training.

Needs NumPy, and runs that `fed-sim run simulations/adapter-inversion/experiment.yaml` left.
"""

import csv
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np

CACHE = Path(os.environ.get("TRIBUTARY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tributary")
MODEL = CACHE / "models" / "minilm"
TEXTS = CACHE / "data" / "inversion" / "tweets.jsonl"
LAYER = "base_model.model.bert.encoder.layer.0.attention.self"
# A candidate counts when so little of it lies outside of the span; float32 leaves about 1e-6.
OUTSIDE = 1e-3
LONGEST = 48
# How far a guess goes where noise hides the length, too.
FIRST_POSITIONS = 9


def tensors(file):
    """The tensors of a safetensors file of 32-bit floats."""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], dtype="<f4").reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def embeddings(model):
    """What the first layer gets to see of every token at a position: returns a function of the position."""
    names = {name.split("bert.")[-1]: tensor for name, tensor in model.items()}
    words = names["embeddings.word_embeddings.weight"]
    positions = names["embeddings.position_embeddings.weight"]
    kind = names["embeddings.token_type_embeddings.weight"][0]
    scale, shift = names["embeddings.LayerNorm.weight"], names["embeddings.LayerNorm.bias"]

    def at(position):
        x = words + positions[position] + kind
        x = x - x.mean(axis=1, keepdims=True)
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-12) * scale + shift

    return at


def factor(adapter, module, letter):
    return adapter[f"{LAYER}.{module}.lora_{letter}.weight"].astype(np.float64)


def span(b):
    """An orthonormal basis of what the rows of a change of B span, and whether noise fills the space."""
    _, values, rows = np.linalg.svd(b, full_matrices=False)
    rank = int((values > values[0] * 1e-5).sum())
    is_full = rank == b.shape[1]
    # Where noise fills all directions, the strongest half is the best guess.
    return rows[: rank // 2 if is_full else rank], is_full


def outside(basis, projected):
    """Which share of each A·x lies outside of a span."""
    inside = projected @ basis.T
    lengths = np.maximum((projected * projected).sum(axis=1), 1e-30)
    return np.sqrt(np.maximum(1 - (inside * inside).sum(axis=1) / lengths, 0))


def recovered(adapter, initial, embed, vocabulary):
    """The tokens that an update gives away, by position; the first one is always [CLS]."""
    modules = []
    for module in ("query", "value"):
        # B starts at zero, so that it is its own change.
        basis, is_full = span(factor(adapter, module, "B"))
        modules.append((basis, factor(initial, module, "A").T.astype(np.float32)))
    found = []
    for position in range(1, FIRST_POSITIONS if is_full else LONGEST):
        inputs = embed(position)
        worst = np.max([outside(basis, (inputs @ a).astype(np.float64)) for basis, a in modules], axis=0)
        best = int(worst.argmin())
        if not is_full and worst[best] > OUTSIDE:
            break
        found.append(vocabulary[best])
        if found[-1] == "[SEP]":
            break
    return found


def tokens(text, vocabulary):
    """WordPiece, as the model's own tokenizer cuts lower-case text."""
    import re
    import unicodedata

    known = set(vocabulary)
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    pieces = []
    for word in re.findall(r"\w+|[^\w\s]", text.replace("_", " _ ")):
        start = 0
        while start < len(word):
            end = len(word)
            while end > start and ("##" if start else "") + word[start:end] not in known:
                end -= 1
            if end == start:
                pieces.append("[UNK]")
                break
            pieces.append(("##" if start else "") + word[start:end])
            start = end
    return pieces[:46]


def label(run):
    """What protects a run's clients, as its own copy of the experiment says."""
    lines = [line.strip() for line in (run / "experiment.yaml").read_text(encoding="utf-8").splitlines()]
    settings = dict(line.split(": ", 1) for line in lines if ": " in line)
    if "max_grad_norm" in settings:
        return f"clipped to {settings['max_grad_norm']}"
    if settings.get("mechanism", "none") == "none":
        return "none"
    return f"{settings['mechanism']}, noise multiplier {settings['noise_multiplier']}"


def main():
    runs = sorted(path.parent for path in Path(sys.argv[1]).rglob("summary.json"))
    rows = [json.loads(line) for line in TEXTS.open(encoding="utf-8")]
    texts = {row["tweet"]: row["text"] for row in rows if row["split"] == "train"}
    vocabulary = (MODEL / "vocab.txt").read_text(encoding="utf-8").splitlines()
    embed = embeddings(tensors(MODEL / "model.safetensors"))
    figures = {}
    open_runs = {}
    for run in runs:
        adapter = tensors(run / "adapter" / "adapter_model.safetensors")
        seed = json.loads((run / "summary.json").read_text())["seed"]
        # A has no gradient while B is zero: without noise, the trained adapter still holds the A that all were handed.
        if label(run) == "none":
            open_runs[seed] = adapter
        trained = [row for row in csv.DictReader((run / "clients.csv").open()) if row["event"] == "trained"]
        figures.setdefault(label(run), []).append((seed, adapter, trained[0]["client"]))
    print("protection,texts,tokens,recovered,share")
    for name, updates in figures.items():
        right = wanted = 0
        for seed, adapter, client in updates:
            truth = tokens(texts[client], vocabulary)
            found = recovered(adapter, open_runs[seed], embed, vocabulary)
            left = list(found)
            for token in truth:
                if token in left:
                    left.remove(token)
                    right += 1
            wanted += len(truth)
            if seed == 1:
                print(f"{name}", file=sys.stderr)
                print(f"text:  {' '.join(truth)}\nfound: {' '.join(found)}", file=sys.stderr)
        print(f'"{name}",{len(updates)},{wanted},{right},{right / wanted:.3f}')


if __name__ == "__main__":
    main()
