"""Makes byte-level/: a small tokenizer.json as SmolLM2 has one, and texts with the ids that `tokenizers` gives them.

Run it in this folder, with Hugging Face's tokenizers installed; it trains on the lines below, so it needs nothing else.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

LINES = [
    "The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's used to it.",
    "We'll see what they've done; I'd say they're right, and you'd say I'm wrong.",
    "Federated fine-tuning of language models across silos that may not share their data.",
    "Die Datei führt die Locales auf, die von dem Befehl erstellt werden sollen. Größe, Übung, Straße.",
    "L'été dernier, où étiez-vous ? Ça va, merci beaucoup ; naïveté, cœur, garçon.",
    "El niño comió piñas ayer por la mañana en Málaga.",
    "int main(void) {\n    return 0;\n}\n\tfor (i = 0; i < 10; i++) { x[i] += 3.14159; }",
    "In 2024 there were 1,234,567 rows; version 10.0.2 has 42 fixes.",
]

CASES = [
    "", " ", "  ", "\n", " \n \n", "\t\ttab", "a", " a", "a ", "  a  b  ", "trailing   ", "line\nline\r\nline",
    "don't DON'T we'll WE'LL it's 's ' '' 're I'm you'd they've", "12345 3.14 1,000 a1b2 ４２ ² ½ Ⅷ",
    "naïve café Straße ÅNGSTRÖM éé", "日本語のテキスト、漢字。 한국어 텍스트", "emoji 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ☺️",
    "<|endoftext|>", "a<|im_start|>user\nhello<|im_end|> b", "<|im_start|", "…—–“quotes” «guillemets»",
    "\u00a0non\u2009breaking\u3000spaces\u200bzero", "e\u0301 combining \u0327", "x" * 300, "🙂" * 20, "_under_score__ snake_case CamelCase",
    "!!!???...---===###", "http://example.org/a?b=c&d=%20", "ﬁ ligature ǅ titlecase ʼ modifier ʰ", "\u0000\u0001\u007f control",
    "עברית ١٢٣ ไทย ภาษา हिन्दी", "The quick brown fox jumps over the lazy dog.", *LINES,
]

if __name__ == "__main__":
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    folder = Path("byte-level")
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as file:
        for text in CASES:
            file.write(json.dumps({"text": text, "ids": tokenizer.encode(text).ids}, ensure_ascii=True) + "\n")
