"""Writes tokenizer/vocab.txt and tokenizer/cases.json: texts and the ids that Hugging Face's `tokenizers` gives them.

Usage: python make_tokenizer_fixtures.py CACHE, where CACHE is the folder that examples/four-silos/fetch.py fills.
The vocabulary is cut down to the pieces that the texts use and every single character, so that it can be committed.
The texts are a sample of the VADER ground truth (Hutto & Gilbert, 2014; MIT) and cases that tokenizers get wrong.
Also prints the digest over all texts that TokenizerCorpusTests expects.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

HARD = [
    "", " ", "\t\r\n", "Hello, World!", "don't stop—believin'…", "naïve café Ångström ÀÉÎÕÜ ÿ", "e\u0301 a\u0308\u0304 n\u0303",
    "İstanbul IĞDIR ıssız", "Straße GROẞ ﬁne ﬀ", "ΑΒΓ άέή ὈΔΥΣΣΕΎΣ ς Σ", "Привет, МИР! Ёлка й", "日本語のテキスト と 漢字", "中文字符测试，标点。",
    "한국어 텍스트 각 힣", "ไทย ภาษา", "עברית עִם נִקּוּד", "العربيّة مُحَمَّد", "हिन्दी में", "தமிழ் ொ ோ", "👍🏽 😀 🤣 👨‍👩‍👧‍👦 🇩🇪", "a\u200bb a\u200db a\ufeffb a\u00adb",
    "a\u0000b\u0001c\u001fd\u007fe\u0085f", "\ufffd replacement \ufffd", "x\u00a0y\u1680z\u2003w\u2028v\u2029u\u202ft\u205fs\u3000r",
    "$100 + 50% = £75 ~ €80 ^_^ `code` <b>|</b>", "http://example.com/a?b=c&d=e#f", "@user #hashtag :) :-( ;D xD <3", "&amp; &lt;3 &quot;",
    "[CLS] inside [SEP] a [MASK] text [UNK][PAD]", "[cls] [ CLS ] [CLS", "[[SEP]]", "x" * 100, "x" * 101, "é" * 100 + " ok", "é" * 101,
    "unaffable unbelievably antidisestablishmentarianism", "12345 3.14159 1,000,000 1st 2nd", "SHOUTING LOUD!!!! whyyyyyy???",
    "ǅ ǈ ǋ Ǆ ǆ Ⅷ ⓐ Ⓐ ℌ ﷺ", "\u0130\u0131\u017f\u212a\u212b", "\ue000 private \U000f0000 use", "\U00020000\U0002f800豈更 車",
    "\u1e9b\u0323 \u0344 \u0385 \u1fc1", "\U0001d400 \U0001d5ba math", "𐐀𐐁 Deseret", "\U0001d15e music", "q\u0323\u0307 q\u0307\u0323",
    "word\u2019s \u201cquoted\u201d \u2018single\u2019 \u2013 \u2014 \u2026 \u2022", "\u00bfQu\u00e9? \u00a1Hola!", "tab\tseparated\ttext", "trailing space ",
    "\u0378\u0380 unassigned \U0001faff new", "\u0600\u06dd\u070f format", "\u061c\u180e\u2060\u2066 marks", "\u02bc\u02d0\uff07\uff01ｆｕｌｌ", "a\u0338=\u0338",
]


def full_vocabulary(cache):
    return [line.rstrip("\n") for line in (cache / "models/minilm/vocab.txt").open(encoding="utf-8")]


def tokenizer(vocabulary):
    result = Tokenizer(models.WordPiece({piece: id for id, piece in enumerate(vocabulary)}, unk_token="[UNK]",
                                        max_input_chars_per_word=100, continuing_subword_prefix="##"))
    result.add_special_tokens([each for each in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]])
    result.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    cls, sep = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    result.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return result


def corpus(cache):
    for silo in ["amazon", "movies", "nytimes", "tweets"]:
        for line in (cache / f"data/vader/{silo}.jsonl").open(encoding="utf-8"):
            yield json.loads(line)["text"]


def main(cache):
    folder = Path(__file__).parent / "tokenizer"
    folder.mkdir(exist_ok=True)
    texts = list(corpus(cache))
    sample = HARD + texts[::97]
    full = tokenizer(full_vocabulary(cache))

    used = {id for text in sample for id in full.encode(text).ids}
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [piece for id, piece in enumerate(full_vocabulary(cache))
              if piece not in specials and (id in used or len(piece.removeprefix("##")) == 1 and ord(piece[-1]) < 0x500)]
    vocabulary = specials + pieces
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    small = tokenizer(vocabulary)
    cases = [json.dumps({"text": text, "ids": small.encode(text).ids}, ensure_ascii=True) for text in sample]
    (folder / "cases.jsonl").write_text("\n".join(cases) + "\n")

    reference = Tokenizer.from_file(str(cache / "models/minilm/tokenizer.json"))
    reference.no_truncation()
    reference.no_padding()
    digest = hashlib.sha256()
    for text in texts:
        ids = reference.encode(text).ids
        digest.update(struct.pack(f"<{len(ids) + 1}i", len(ids), *ids))
    print(f"{len(sample)} cases; {len(texts)} texts of the corpus: {digest.hexdigest()}")
    for text in sample:
        assert full.encode(text).ids == reference.encode(text).ids


if __name__ == "__main__":
    main(Path(sys.argv[1]))
