"""The client is small enough to be read: at most 660 lines of code, the generated messages apart."""

import ast
import io
import tokenize
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "tributary_client"
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def lines_of_code(source):
    """Returns how many lines are neither blank nor only a comment nor documentation."""
    documentation = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation |= set(range(node.lineno, node.end_lineno + 1))
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - documentation)


class SizeTests(unittest.TestCase):
    def test_the_client_has_at_most_660_lines_of_code(self):
        files = [file for file in PACKAGE.glob("*.py") if file.name != "control_pb2.py"]
        counts = {file.name: lines_of_code(file.read_text(encoding="utf-8")) for file in files}
        print(f"\n{sum(counts.values())} lines of code: {counts}")
        self.assertLessEqual(sum(counts.values()), 660)


if __name__ == "__main__":
    unittest.main()
