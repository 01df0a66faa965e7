#!/usr/bin/env python3
"""An independent peer for the interoperability tests: Python's ssl module and nothing of ours.

peer.py connect PORT FOLDER [--tls12] [--no-certificate] [--foreign FOLDER2] [--resume] [--upload N]
    connects like a client and prints one JSON object about what happened
peer.py serve FOLDER [--tls12]
    prints the port it listens on, accepts one connection, answers its Hello with Welcome, and prints what it read
"""

import argparse
import hashlib
import json
import socket
import ssl
import struct
import sys

CONTROL, CHUNK = 1, 2


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def frame(kind, body):
    return struct.pack(">IB", len(body) + 1, kind) + body


HELLO = frame(CONTROL, field(1, b"\x08\x01" + field(2, b"peer.py") + b"\x18\x08"))
PING = frame(CONTROL, varint(32 << 3 | 2) + b"\x02\x08\x07")
GOODBYE = frame(CONTROL, varint(34 << 3 | 2) + b"\x02\x08\x01")


def read_exactly(stream, count):
    out = b""
    while len(out) < count:
        piece = stream.recv(count - len(out))
        if not piece:
            raise EOFError("closed after %d of %d bytes" % (len(out), count))
        out += piece
    return out


def read_frame(stream):
    length, kind = struct.unpack(">IB", read_exactly(stream, 5))
    return kind, read_exactly(stream, length - 1)


def message_number(body):
    """The number of the one field in a Control: which message it is."""
    tag, shift = 0, 0
    for byte in body:
        tag |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return tag >> 3
    raise ValueError("no tag")


def client_context(arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(arguments.folder + "/authority.pem")
    if not arguments.no_certificate:
        folder = arguments.foreign or arguments.folder
        context.load_cert_chain(folder + "/client.pem", folder + "/client-key.pem")
    if arguments.tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def connect(context, port, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def talk(stream, result, upload):
    stream.sendall(HELLO)
    kind, body = read_frame(stream)
    result["application_bytes"] = 5 + len(body)
    result["welcome"] = kind == CONTROL and message_number(body) == 16
    stream.sendall(PING)
    kind, body = read_frame(stream)
    result["pong"] = kind == CONTROL and message_number(body) == 33 and body.endswith(b"\x08\x07")
    if upload:
        payload = bytes(i * 7 % 256 for i in range(upload))
        digest = hashlib.sha256(payload).digest()
        echoed = b""
        for offset in range(0, upload, 65536):
            piece = payload[offset:offset + 65536]
            stream.sendall(frame(CHUNK, digest + struct.pack(">Q", offset) + piece))
            kind, body = read_frame(stream)
            assert kind == CHUNK and body[:32] == digest and struct.unpack(">Q", body[32:40])[0] == offset
            echoed += body[40:]
        result["echoed"] = hashlib.sha256(echoed).digest() == digest
    stream.sendall(GOODBYE)
    result["closed_cleanly"] = stream.recv(1) == b""


def main_connect(arguments):
    result = {"handshake": False, "application_bytes": 0}
    context = client_context(arguments)
    try:
        with connect(context, arguments.port) as stream:
            result["handshake"] = True
            result["version"] = stream.version()
            talk(stream, result, arguments.upload)
            session = stream.session
        if arguments.resume:
            result["had_session"] = session is not None
            with connect(context, arguments.port, session) as stream:
                talk(stream, {}, 0)
                result["resumed"] = stream.session_reused
    except (ssl.SSLError, OSError, EOFError) as error:
        result["error"] = str(error)
    print(json.dumps(result))


def main_serve(arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.folder + "/server.pem", arguments.folder + "/server-key.pem")
    context.load_verify_locations(arguments.folder + "/authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    if arguments.tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        server.settimeout(20)
        plain, _ = server.accept()
        plain.settimeout(20)
        result = {}
        try:
            with context.wrap_socket(plain, server_side=True) as stream:
                subject = {name: value for entry in stream.getpeercert()["subject"] for name, value in entry}
                result["client"] = subject.get("commonName")
                kind, body = read_frame(stream)
                result["hello"] = kind == CONTROL and message_number(body) == 1
                welcome = b"\x08\x01" + field(3, result["client"].encode()) + b"\x20\x0a\x28\x80\x80\x10"
                stream.sendall(frame(CONTROL, varint(16 << 3 | 2) + varint(len(welcome)) + welcome))
                stream.recv(1)
        except (ssl.SSLError, OSError, EOFError) as error:
            result["error"] = str(error)
        print(json.dumps(result), flush=True)


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
connecting = commands.add_parser("connect")
connecting.add_argument("port", type=int)
connecting.add_argument("folder")
connecting.add_argument("--tls12", action="store_true")
connecting.add_argument("--no-certificate", action="store_true")
connecting.add_argument("--foreign")
connecting.add_argument("--resume", action="store_true")
connecting.add_argument("--upload", type=int, default=0)
connecting.set_defaults(main=main_connect)
serving = commands.add_parser("serve")
serving.add_argument("folder")
serving.add_argument("--tls12", action="store_true")
serving.set_defaults(main=main_serve)
parsed = parser.parse_args()
parsed.main(parsed)
sys.stdout.flush()
