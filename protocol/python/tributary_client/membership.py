"""Who this client is: its key, its certificate, the authorities that it trusts, and where its server is.

Python's `ssl` makes no keys and no requests, and does not show a peer's chain: the `openssl` command does that.
"""

import base64
import hashlib
import json
import re
import ssl
import struct
import subprocess
import time
from collections import namedtuple
from pathlib import Path

from .connection import Connection, tls_context
from .control_pb2 import Control, EnrolmentRequest
from .store import write_durably

JOIN_HEAD = struct.Struct(">HQ32sB")  # port, expiry, SHA-256 of the authority, the secret's length
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
JoinString = namedtuple("JoinString", "host port authority secret expiry")  # a secret itself, not to be logged


class MembershipError(Exception):
    """This directory cannot be a member of the federation before somebody does something about it."""


def parse_join_string(line):
    """Reads the line that `fed-server invite` prints; refuses one that is not written exactly as it would be."""
    text = line.strip()
    try:
        content = base64.urlsafe_b64decode(text[5:] + "=" * (-len(text[5:]) % 4))
        port, expiry, authority, length = JOIN_HEAD.unpack_from(content)
        secret, rest = content[JOIN_HEAD.size :][:length], content[JOIN_HEAD.size + length :]
        invitation = JoinString(rest[1 : 1 + rest[0]].decode(), port, authority, secret, expiry)
        if port < 1 or not 16 <= length <= 64 or not 1 <= rest[0] <= 253 or write_join_string(*invitation) != text:
            raise ValueError
    except (ValueError, IndexError, struct.error):
        raise MembershipError("This is no join string. Copy the whole line that `fed-server invite` prints.") from None
    return invitation


def write_join_string(host, port, authority, secret, expiry):
    content = JOIN_HEAD.pack(port, expiry, authority, len(secret)) + secret
    content += bytes([len(host.encode())]) + host.encode()
    content += hashlib.sha256(content).digest()[:4]
    return "trib1" + base64.urlsafe_b64encode(content).decode().rstrip("=")


class Membership:
    """A directory that has joined. `membership.json` names the folder whose key, certificate and authorities count, so
    that they change together."""

    def __init__(self, directory):
        self._file = Path(directory, "membership.json")
        if not self._file.exists():
            raise MembershipError(f"{directory} is no member of a federation. Join one first.")
        self._facts = json.loads(self._file.read_bytes())
        self.name, self.host, self.port = (self._facts[key] for key in ("name", "host", "port"))
        self._keys = Path(directory, self._facts["keys"])
        self.next_keys = Path(directory, f"keys-{int(self._keys.name.removeprefix('keys-')) + 1}")

    def tls_context(self):
        if (self._keys / "key.pem").stat().st_mode & 0o077:
            raise MembershipError(f"Others may read {self._keys / 'key.pem'}. Join anew in another directory.")
        return tls_context((self._keys / "authorities.pem").read_text(), self._keys)

    def renewal_time(self):
        """When two thirds of the certificate's life are over, in seconds since 1970. All of it is over at `end`."""
        dates = openssl("x509", "-in", self._keys / "certificate.pem", "-noout", "-dates").decode().splitlines()
        start, self.end = (ssl.cert_time_to_seconds(date.partition("=")[2]) for date in dates)
        return start + (self.end - start) * 2 / 3

    def renew(self, certificate, authorities):
        """Checks a certificate for the key in `next_keys`, and shows it from the next connection on."""
        install(self.next_keys, certificate, authorities, self.name)
        write_durably(self._file, json.dumps(self._facts | {"keys": self.next_keys.name}).encode())
        self.__init__(self._file.parent)


async def join(line, directory):
    """Makes `directory` a member of the federation that a join string invites to, and returns its `Membership`."""
    invitation, directory = parse_join_string(line), Path(directory)
    if invitation.expiry <= time.time():
        raise MembershipError("The join string has expired. Ask for a new one.")
    if (directory / "membership.json").exists():
        raise MembershipError(f"{directory} is a member of a federation already. Give another directory.")
    authority = find_authority(invitation)
    request = EnrolmentRequest(secret=invitation.secret, certificate_request=make_request(directory / "keys-1"))
    where = invitation.host, invitation.port, tls_context(ssl.DER_cert_to_PEM_cert(authority))
    async with Connection.open(*where, control_limit=16_384, chunk_limit=0) as connection:
        connection.send(Control(enrolment_request=request))
        answer = (await connection.receive(10)).enrolment_response
    if not answer.accepted or answer.authority != authority:
        raise MembershipError(f"The server refused: {answer.reason or 'no reason given'}. Ask for a new join string.")
    install(directory / "keys-1", answer.certificate, [authority, *answer.further_authorities], answer.client)
    facts = {"name": answer.client, "host": answer.host, "port": answer.port, "keys": "keys-1"}
    write_durably(directory / "membership.json", json.dumps(facts).encode())
    return Membership(directory)


def find_authority(invitation):
    """Returns the certificate, among those that the server shows, whose SHA-256 the join string has. Nothing is said on
    this connection: the one that shows the secret trusts that certificate only."""
    host = f"[{invitation.host}]" if ":" in invitation.host else invitation.host
    shown = openssl("s_client", "-connect", f"{host}:{invitation.port}", "-tls1_3", "-showcerts").decode()
    for certificate in map(ssl.PEM_cert_to_DER_cert, CERTIFICATE.findall(shown)):
        if hashlib.sha256(certificate).digest() == invitation.authority:
            return certificate
    raise MembershipError(f"{host}:{invitation.port} is not the server of the join string, or does not answer.")


def make_request(keys):
    """Makes a P-256 key in the folder `keys`, unless one is there, and returns a PKCS #10 request of it in DER."""
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (keys / "key.pem").exists():
        write_durably(keys / "key.pem", openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    return openssl("req", "-new", "-key", keys / "key.pem", "-subj", "/CN=tributary", "-outform", "DER")


def install(keys, certificate, authorities, name):
    """Puts a certificate beside its key, if it is a client's, `name`'s, of one of `authorities`, and for that key."""
    path, trusted = keys / "certificate.pem", keys / "authorities.pem"
    write_durably(path, ssl.DER_cert_to_PEM_cert(certificate).encode())
    write_durably(trusted, "".join(map(ssl.DER_cert_to_PEM_cert, authorities)).encode())
    openssl("verify", "-no-CApath", "-CAfile", trusted, "-purpose", "sslclient", path)
    names = openssl("x509", "-in", path, "-noout", "-ext", "subjectAltName").decode().replace(",", " ").split()
    if [entry for entry in names if entry.startswith("URI:tributary:")] != [f"URI:tributary:client:{name}"]:
        raise MembershipError(f"The certificate that the server issued is not that of the client '{name}'.")
    tls_context(trusted.read_text(), keys)  # raises `ssl.SSLError` when certificate and key are no pair


def openssl(*arguments):
    check = arguments[0] != "s_client"  # which ends with an error when it knows no authority
    try:
        return subprocess.run(["openssl", *arguments], input=b"", capture_output=True, timeout=20, check=check).stdout
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or str(error).encode()
        raise MembershipError(f"`openssl {arguments[0]}` failed: {detail.decode(errors='replace').strip()}") from None
