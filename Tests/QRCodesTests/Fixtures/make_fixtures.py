"""Writes codes.txt: the SHA-256 of QR codes that python-qrcode makes (pip install qrcode).

For each version, filled to the last byte with bytes 32 … 127 in a fixed order, one mask, then texts under every mask:
`version mask digest` and `mask digest text`, where the digest is that of the rows as lines of 0 and 1.
"""

import hashlib
import pathlib
import qrcode

# Bytes that fit into each version at level M, from the standard's table 7.
CAPACITIES = [
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
    711, 779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911, 1989, 2099, 2213, 2331,
]
TEXTS = ["a", "trib1ALsAAABpT-3", "https://example.org/" + "x" * 100, "Ünïcödé €"]


def digest(data, version, mask):
    code = qrcode.QRCode(
        version=version, error_correction=qrcode.constants.ERROR_CORRECT_M, mask_pattern=mask, border=0
    )
    code.add_data(qrcode.util.QRData(data, mode=qrcode.util.MODE_8BIT_BYTE))
    code.make(fit=version is None)
    rows = "".join("".join("1" if module else "0" for module in row) + "\n" for row in code.modules)
    return hashlib.sha256(rows.encode()).hexdigest()


lines = []
for version, capacity in enumerate(CAPACITIES, start=1):
    data = bytes((place * 7 + 32) % 96 + 32 for place in range(capacity))
    lines.append(f"{version} {version % 8} {digest(data, version, version % 8)}")
for text in TEXTS:
    for mask in range(8):
        lines.append(f"{mask} {digest(text.encode(), None, mask)} {text}")
pathlib.Path(__file__).with_name("codes.txt").write_text("\n".join(lines) + "\n")
