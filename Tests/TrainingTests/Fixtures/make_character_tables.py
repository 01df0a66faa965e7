"""Writes Sources/Training/Tokenization/BertCharacterTables.swift.

Asks Hugging Face's `tokenizers` what its BertNormalizer and BertPreTokenizer do with every Unicode scalar, so that the
Swift tokenizer shares their frozen idea of Unicode. Usage: python make_character_tables.py (from the repository root).
"""
from tokenizers import __version__, normalizers, pre_tokenizers

normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
pre_tokenizer = pre_tokenizers.BertPreTokenizer()
CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
           (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]

removed, punctuation, mapped = [], [], {}
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    scalar = chr(code)
    result = normalizer.normalize_str(scalar)
    if any(first <= code <= last for first, last in CHINESE):
        assert result[0] == result[-1] == " " and len(result) == 3, hex(code)
        result = result[1]
    if result == "":
        removed.append(code)
    elif result == " ":
        assert scalar.isspace(), hex(code)
    elif result != scalar and not 0xAC00 <= code <= 0xD7A3:
        mapped[code] = [ord(each) for each in result]
    if [word for word, _ in pre_tokenizer.pre_tokenize_str("a" + scalar + "b")] == ["a", scalar, "b"]:
        punctuation.append(code)


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in found)


def runs(table):
    """`first-last+shift`, `first-last/2+shift` for every second scalar, or `first=target,target,…` for neighbours."""
    words, pending, codes, index = [], [], sorted(table), 0

    def flush():
        if pending:
            targets = ",".join(".".join(f"{each:X}" for each in table[code]) for code in pending)
            words.append(f"{pending[0]:X}={targets}")
            pending.clear()

    while index < len(codes):
        code, best = codes[index], None
        for step in (1, 2):
            last = code
            while (last + step in table and len(table[code]) == len(table[last + step]) == 1
                   and table[last + step][0] - last - step == table[code][0] - code
                   and (step == 1 or last + 1 not in table)):
                last += step
            if last - code >= 3 * step and (best is None or last > best[0]):
                best = (last, step)
        if best:
            flush()
            shift = table[code][0] - code
            every = "" if best[1] == 1 else "/2"
            words.append(f"{code:X}-{best[0]:X}{every}{'+' if shift > 0 else '-'}{abs(shift):X}")
            while index < len(codes) and codes[index] <= best[0]:
                index += 1
        else:
            if pending and pending[-1] != code - 1:
                flush()
            pending.append(code)
            index += 1
    flush()
    return " ".join(words)


def literal(text):
    lines, line = [], ""
    for part in text.replace(" ", " \n").replace(",", ",\n").split("\n"):
        if len(line) + len(part) > 108:
            lines.append(line)
            line = ""
        line += part
    return "\\\n".join("        " + each for each in lines + [line])


with open("Sources/Training/Tokenization/BertCharacterTables.swift", "w", encoding="utf-8") as out:
    out.write(f'''/// What the reference tokenizer does with each Unicode scalar, in compact notation.
///
/// Made by `Tests/TrainingTests/Fixtures/make_character_tables.py` from Hugging Face `tokenizers` {__version__}; do not edit.
/// The reference froze its categories at an old version of Unicode. With its tables a text has the same tokens whatever
/// Unicode the toolchain knows. Numbers are hexadecimal.
enum BertCharacterTables {{
    /// Control, format and private-use scalars and nonspacing marks, which are removed: `first-last`.
    static let removed = """
{literal(ranges(removed))}
        """

    /// Scalars that are words of their own: `first-last`.
    static let punctuation = """
{literal(ranges(punctuation))}
        """

    /// Lower case of the canonical decomposition without nonspacing marks.
    ///
    /// `first-last+shift` for neighbours, `first-last/2+shift` for every second scalar, and `first=a,b,c.d` for single
    /// targets, where `c.d` is one target of two scalars.
    static let mapped = """
{literal(runs(mapped))}
        """
}}
''')
