#!/usr/bin/env python3
"""Writes the golden frames and join strings of the Tributary protocol, version 1.

Standard library only, and independent of every implementation: the proto3 encoding, the frame layout and the join string
are written out here from protocol/README.md and protocol/control.proto. Run it in this folder; it rewrites *.json.
"""

import base64
import hashlib
import json
import struct

# --- proto3 -----------------------------------------------------------------------------------------------------------

ENUMS = {
    "OrderKind": {"KIND_TRAIN": 1, "KIND_EVALUATE": 2},
    "Task": {"TASK_SEQUENCE_CLASSIFICATION": 1, "TASK_CAUSAL_LM": 2},
    "Optimizer": {"OPTIMIZER_ADAMW": 1, "OPTIMIZER_SGD": 2},
    "GoodbyeCode": {
        "CODE_SHUTTING_DOWN": 1, "CODE_PROTOCOL_ERROR": 2, "CODE_VERSION_UNSUPPORTED": 3, "CODE_REVOKED": 4,
        "CODE_REPLACED": 5, "CODE_TOO_LARGE": 6, "CODE_IDLE": 7,
    },
    "Factors": {"FACTORS_BOTH": 1, "FACTORS_A": 2, "FACTORS_B": 3, "FACTORS_CORE": 4},
    "Mechanism": {"MECHANISM_CENTRAL": 1, "MECHANISM_LOCAL": 2, "MECHANISM_EXAMPLE_LEVEL": 3, "MECHANISM_TREE": 4},
    "Schedule": {"SCHEDULE_CONSTANT": 1, "SCHEDULE_LINEAR": 2, "SCHEDULE_COSINE": 3},
}

# Message → field name → (number, type). Types: u32, u64, bool, double, string, bytes, strings and byteses (repeated),
# map:string, map:double, enum:NAME, or the name of a message.
MESSAGES = {
    "Control": {
        "hello": (1, "Hello"), "orderReply": (2, "OrderReply"), "progress": (3, "Progress"), "fetch": (4, "Fetch"),
        "updateOffer": (5, "UpdateOffer"), "evaluationResult": (6, "EvaluationResult"),
        "renewalRequest": (7, "RenewalRequest"), "logLines": (8, "LogLines"), "welcome": (16, "Welcome"),
        "order": (17, "Order"), "orderWithdrawal": (18, "OrderWithdrawal"), "uploadRequest": (19, "UploadRequest"),
        "updateVerdict": (20, "UpdateVerdict"), "evaluationReceipt": (21, "EvaluationReceipt"),
        "renewalResponse": (22, "RenewalResponse"), "logRequest": (23, "LogRequest"), "ping": (32, "Ping"),
        "pong": (33, "Pong"), "goodbye": (34, "Goodbye"), "enrolmentRequest": (48, "EnrolmentRequest"),
        "enrolmentResponse": (49, "EnrolmentResponse"),
    },
    "Hello": {"protocolVersion": (1, "u32"), "software": (2, "string"), "maximumRank": (3, "u32"),
              "tags": (4, "map:string"), "lendsLog": (5, "bool")},
    "Welcome": {"protocolVersion": (1, "u32"), "software": (2, "string"), "client": (3, "string"),
                "heartbeatSeconds": (4, "u32"), "chunkBytes": (5, "u32"), "payloadBytes": (6, "u64")},
    "OrderID": {"job": (1, "string"), "round": (2, "u32"), "kind": (3, "enum:OrderKind")},
    "AdapterReference": {"sha256": (1, "bytes"), "byteCount": (2, "u64"), "rank": (3, "u32"), "alpha": (4, "double"),
                         "rankStabilizedScaling": (5, "bool")},
    "Order": {"id": (1, "OrderID"), "adapter": (2, "AdapterReference"), "assignment": (3, "Assignment")},
    "Assignment": {
        "jobName": (1, "string"), "model": (2, "string"), "modelSha256": (3, "bytes"), "task": (4, "enum:Task"),
        "labels": (5, "strings"), "rank": (6, "u32"), "alpha": (7, "double"), "rankStabilizedScaling": (8, "bool"),
        "dropout": (9, "double"), "targetModules": (10, "strings"), "modulesToSave": (11, "strings"),
        "training": (12, "Training"), "evaluation": (13, "Evaluation"), "seed": (14, "u64"),
        "trainedFactors": (15, "enum:Factors"), "sentFactors": (16, "enum:Factors"), "keepsSavedTensors": (17, "bool"),
        "rankPruning": (18, "RankPruning"), "controlVariates": (19, "bool"), "rounds": (20, "u32"),
        "leaseSeconds": (21, "u32"), "strategy": (22, "string"), "privacy": (23, "Privacy"),
        "adapterConfiguration": (24, "string"),
    },
    "Privacy": {"mechanism": (1, "enum:Mechanism"), "clippingNorm": (2, "double"), "noiseMultiplier": (3, "double"),
                "delta": (4, "double"), "epsilonBudget": (5, "double")},
    "RankPruning": {"gamma": (1, "double"), "penalty": (2, "double"), "minimumRank": (3, "u32")},
    "Training": {"epochs": (1, "u32"), "maxSteps": (2, "u32"), "batchSize": (3, "u32"), "maxLength": (4, "u32"),
                 "optimizer": (5, "enum:Optimizer"), "learningRate": (6, "double"), "weightDecay": (7, "double"),
                 "momentum": (8, "double"), "proximalMu": (9, "double"), "schedule": (10, "enum:Schedule"),
                 "warmupRatio": (11, "double"), "loraplusLrRatio": (12, "double"), "maxGradNorm": (13, "double")},
    "Evaluation": {"every": (1, "u32"), "sample": (2, "u32")},
    "OrderReply": {"id": (1, "OrderID"), "accepted": (2, "bool"), "reason": (3, "string"),
                   "refusedByPolicy": (4, "bool")},
    "Progress": {"id": (1, "OrderID"), "step": (2, "u32"), "stepCount": (3, "u32"), "loss": (4, "double")},
    "Fetch": {"sha256": (1, "bytes"), "offset": (2, "u64")},
    "UpdateOffer": {"id": (1, "OrderID"), "adapter": (2, "AdapterReference"), "exampleCount": (3, "u64"),
                    "metrics": (4, "map:double")},
    "UploadRequest": {"id": (1, "OrderID"), "sha256": (2, "bytes"), "offset": (3, "u64")},
    "UpdateVerdict": {"id": (1, "OrderID"), "accepted": (2, "bool"), "reason": (3, "string")},
    "EvaluationResult": {"id": (1, "OrderID"), "exampleCount": (2, "u64"), "metrics": (3, "map:double")},
    "EvaluationReceipt": {"id": (1, "OrderID")},
    "OrderWithdrawal": {"id": (1, "OrderID"), "reason": (2, "string")},
    "Ping": {"nonce": (1, "u64")},
    "Pong": {"nonce": (1, "u64")},
    "Goodbye": {"code": (1, "enum:GoodbyeCode"), "reason": (2, "string"), "reconnectWithinMilliseconds": (3, "u32")},
    "LogRequest": {"from": (1, "u64")},
    "LogLines": {"first": (1, "u64"), "lines": (2, "strings")},
    "RenewalRequest": {"certificateRequest": (1, "bytes")},
    "RenewalResponse": {"accepted": (1, "bool"), "reason": (2, "string"), "certificate": (3, "bytes"),
                        "authorities": (4, "byteses")},
    "EnrolmentRequest": {"secret": (1, "bytes"), "certificateRequest": (2, "bytes")},
    "EnrolmentResponse": {"accepted": (1, "bool"), "reason": (2, "string"), "certificate": (3, "bytes"),
                          "authority": (4, "bytes"), "client": (5, "string"), "host": (6, "string"),
                          "port": (7, "u32"), "furtherAuthorities": (8, "byteses")},
}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def key(number, wire_type):
    return varint(number << 3 | wire_type)


def delimited(number, content):
    return key(number, 2) + varint(len(content)) + content


def scalar(number, kind, value):
    """One field; nothing when it has its default."""
    if kind in ("u32", "u64", "bool"):
        return key(number, 0) + varint(int(value)) if value else b""
    if kind == "double":
        return key(number, 1) + struct.pack("<d", value) if value else b""
    if kind == "string":
        return delimited(number, value.encode()) if value else b""
    if kind == "bytes":
        return delimited(number, value) if value else b""
    if kind.startswith("enum:"):
        return key(number, 0) + varint(ENUMS[kind[5:]][value])
    raise ValueError(kind)


def encode(message, fields):
    """The canonical form: fields in the order of their numbers, map entries in the order of their keys."""
    out = b""
    for name, (number, kind) in sorted(MESSAGES[message].items(), key=lambda item: item[1][0]):
        if name not in fields:
            continue
        value = fields[name]
        if kind in MESSAGES:
            out += delimited(number, encode(kind, value))
        elif kind in ("strings", "byteses"):
            for entry in value:
                out += delimited(number, entry.encode() if kind == "strings" else entry)
        elif kind.startswith("map:"):
            for entry_key in sorted(value, key=str.encode):
                entry = delimited(1, entry_key.encode())
                entry += {"string": lambda v: delimited(2, v.encode()),
                          "double": lambda v: key(2, 1) + struct.pack("<d", v)}[kind[4:]](value[entry_key])
                out += delimited(number, entry)
        else:
            out += scalar(number, kind, value)
    return out


def as_json(message, fields):
    """The same message in proto3's JSON form, for readers and tests."""
    out = {}
    for name, value in fields.items():
        kind = MESSAGES[message][name][1]
        if kind in MESSAGES:
            out[name] = as_json(kind, value)
        elif kind == "bytes":
            out[name] = base64.b64encode(value).decode()
        elif kind == "byteses":
            out[name] = [base64.b64encode(entry).decode() for entry in value]
        elif kind == "u64":
            out[name] = str(value)
        else:
            out[name] = value
    return out


# --- frames -----------------------------------------------------------------------------------------------------------

CONTROL, CHUNK = 1, 2


def frame(kind, body):
    return struct.pack(">IB", len(body) + 1, kind) + body


def chunk(digest, offset, content):
    return frame(CHUNK, digest + struct.pack(">Q", offset) + content)


# --- the values -------------------------------------------------------------------------------------------------------

PAYLOAD = bytes(range(256)) * 130  # 33,280 bytes: two chunks of 16 KiB and a rest
DIGEST = hashlib.sha256(PAYLOAD).digest()
MODEL = hashlib.sha256(b"a base model").digest()
JOB = "0b0e9a56-6c8e-4a1e-9a55-0f6b7f0c2d11"
TRAIN = {"job": JOB, "round": 3, "kind": "KIND_TRAIN"}
EVALUATE = {"job": JOB, "kind": "KIND_EVALUATE"}
ADAPTER = {"sha256": DIGEST, "byteCount": len(PAYLOAD), "rank": 8, "alpha": 16.0}
ASSIGNMENT = {
    "jobName": "sentiment-four-silos", "model": "minilm", "modelSha256": MODEL, "task": "TASK_SEQUENCE_CLASSIFICATION",
    "labels": ["négatif", "positif"], "rank": 8, "alpha": 16.0, "rankStabilizedScaling": True, "dropout": 0.05,
    "targetModules": ["query", "value"], "modulesToSave": ["classifier"],
    "training": {"epochs": 1, "maxSteps": 20, "batchSize": 16, "maxLength": 64, "optimizer": "OPTIMIZER_ADAMW",
                 "learningRate": 0.001, "weightDecay": 0.01},
    "evaluation": {"every": 1, "sample": 500}, "seed": 18446744073709551615,
}

# Every field that an order can have.
FULL_ASSIGNMENT = dict(
    ASSIGNMENT,
    training=dict(ASSIGNMENT["training"], optimizer="OPTIMIZER_SGD", momentum=0.9, proximalMu=0.1,
                  schedule="SCHEDULE_COSINE", warmupRatio=0.03, loraplusLrRatio=16.0, maxGradNorm=1.0),
    trainedFactors="FACTORS_BOTH", sentFactors="FACTORS_A", keepsSavedTensors=True,
    rankPruning={"gamma": 0.99, "penalty": 0.005, "minimumRank": 2}, controlVariates=True, rounds=10, leaseSeconds=3600,
    strategy="fedsa-lora",
    privacy={"mechanism": "MECHANISM_CENTRAL", "clippingNorm": 0.5, "noiseMultiplier": 1.25, "delta": 1e-05,
             "epsilonBudget": 8.0},
    adapterConfiguration='{"peft_type": "VERA"}',
)

CONTROLS = [
    ("hello", {"hello": {"protocolVersion": 1, "software": "fed-client 0.1.0", "maximumRank": 16,
                         "tags": {"site": "berlin", "gpu": "no", "étage": ""}}}),
    ("welcome", {"welcome": {"protocolVersion": 1, "software": "fed-server 0.1.0", "client": "st-mary.east_2",
                             "heartbeatSeconds": 10, "chunkBytes": 262144, "payloadBytes": 17179869184}}),
    ("order-train", {"order": {"id": TRAIN, "adapter": ADAPTER, "assignment": ASSIGNMENT}}),
    ("order-evaluate", {"order": {"id": EVALUATE, "adapter": dict(ADAPTER, rankStabilizedScaling=True),
                                  "assignment": dict(ASSIGNMENT, task="TASK_CAUSAL_LM", labels=[])}}),
    ("order-reply-accepted", {"orderReply": {"id": TRAIN, "accepted": True}}),
    ("order-reply-declined", {"orderReply": {"id": TRAIN, "reason": "rank 64 exceeds this silo's 16"}}),
    ("order-withdrawal", {"orderWithdrawal": {"id": TRAIN, "reason": "the round is over"}}),
    ("fetch-from-the-beginning", {"fetch": {"sha256": DIGEST}}),
    ("fetch-resumed", {"fetch": {"sha256": DIGEST, "offset": 16384}}),
    ("progress", {"progress": {"id": TRAIN, "step": 7, "stepCount": 20, "loss": 1.25}}),
    ("update-offer", {"updateOffer": {"id": TRAIN, "adapter": ADAPTER, "exampleCount": 4153,
                                      "metrics": {"seconds": 12.5, "loss": 0.75, "zero": 0.0}}}),
    ("upload-request", {"uploadRequest": {"id": TRAIN, "sha256": DIGEST, "offset": 32768}}),
    ("update-verdict-accepted", {"updateVerdict": {"id": TRAIN, "accepted": True}}),
    ("update-verdict-rejected", {"updateVerdict": {"id": TRAIN, "reason": "'classifier.weight' holds NaN"}}),
    ("evaluation-result", {"evaluationResult": {"id": EVALUATE, "exampleCount": 1038,
                                                "metrics": {"accuracy": 0.4855, "macro_f1": 0.45, "loss": 1.2}}}),
    ("evaluation-receipt", {"evaluationReceipt": {"id": EVALUATE}}),
    ("ping", {"ping": {"nonce": 81985529216486895}}),
    ("ping-zero", {"ping": {}}),
    ("pong", {"pong": {"nonce": 81985529216486895}}),
    ("goodbye", {"goodbye": {"code": "CODE_REPLACED", "reason": "the same client has connected again"}}),
    ("enrolment-request", {"enrolmentRequest": {"secret": bytes(range(20)), "certificateRequest": b"\x30\x03\x02\x01\x00"}}),
    ("enrolment-response-accepted", {"enrolmentResponse": {
        "accepted": True, "certificate": b"\x30\x01", "authority": b"\x30\x02", "client": "st-mary",
        "host": "fed.example.org", "port": 7300}}),
    ("enrolment-response-rejected", {"enrolmentResponse": {"reason": "the secret is not good"}}),
    ("enrolment-response-with-two-authorities", {"enrolmentResponse": {
        "accepted": True, "certificate": b"\x30\x01", "authority": b"\x30\x02", "client": "st-mary",
        "host": "2001:db8::1", "port": 65535, "furtherAuthorities": [b"\x30\x03"]}}),
    ("order-train-with-every-field", {"order": {"id": TRAIN, "adapter": ADAPTER, "assignment": FULL_ASSIGNMENT}}),
    ("order-reply-refused-by-policy", {"orderReply": {"id": TRAIN, "reason": "no privacy", "refusedByPolicy": True}}),
    ("goodbye-with-a-span", {"goodbye": {"code": "CODE_SHUTTING_DOWN", "reason": "the server stops",
                                         "reconnectWithinMilliseconds": 30000}}),
    ("renewal-request", {"renewalRequest": {"certificateRequest": b"\x30\x03\x02\x01\x00"}}),
    ("renewal-response-accepted", {"renewalResponse": {
        "accepted": True, "certificate": b"\x30\x01", "authorities": [b"\x30\x02", b"\x30\x03"]}}),
    ("renewal-response-rejected", {"renewalResponse": {"reason": "renewed too often of late"}}),
    ("hello-that-lends-its-log", {"hello": {"protocolVersion": 1, "maximumRank": 8, "lendsLog": True}}),
    ("log-request", {"logRequest": {"from": 4294967296}}),
    ("log-lines", {"logLines": {"first": 4294967296, "lines": ["Training began", "étape 1"]}}),
    ("log-lines-without-lines", {"logLines": {"first": 3}}),
]

CHUNKS = [
    ("first-of-three", 0, PAYLOAD[:16384]),
    ("second-of-three", 16384, PAYLOAD[16384:32768]),
    ("last-of-three", 32768, PAYLOAD[32768:]),
    ("last-representable-offset", 2**64 - 2, b"\x5a"),
]

HELLO = encode("Control", CONTROLS[0][1])

# Bytes that a receiver with the limits of a federation refuses, and with what. An `ends` error needs the stream's end to show.
REFUSED = [
    ("zero-length", "empty", struct.pack(">I", 0)),
    ("kind-without-body", "empty", frame(CONTROL, b"")),
    ("chunk-without-bytes", "empty", chunk(DIGEST, 0, b"")),
    ("kind-0", "unknown-kind", frame(0, b"x")),
    ("kind-3", "unknown-kind", frame(3, b"x")),
    ("kind-255", "unknown-kind", frame(255, b"x")),
    ("claims-4-gib", "too-long", b"\xff\xff\xff\xff"),
    ("claims-2-gib", "too-long", b"\x80\x00\x00\x00"),
    ("claims-2-gib-minus-1-and-a-kind", "too-long", b"\x7f\xff\xff\xff\x02"),
    ("control-one-byte-too-long", "too-long", struct.pack(">IB", 1 + 262144 + 1, CONTROL)),
    ("chunk-one-byte-too-long", "too-long", struct.pack(">IB", 1 + 40 + 1048576 + 1, CHUNK)),
    ("chunk-shorter-than-its-header", "truncated-chunk", frame(CHUNK, DIGEST + b"\0\0\0\0\0\0\0")),
    ("chunk-of-one-byte", "truncated-chunk", frame(CHUNK, b"\0")),
    ("chunk-beyond-64-bits", "offset-overflow", chunk(DIGEST, 2**64 - 1, b"\x5a")),
    ("not-a-message", "undecodable-control", frame(CONTROL, b"\xff\xff\xff\xff")),
    ("message-cut-short", "undecodable-control", frame(CONTROL, HELLO[:-1])),
    ("text-that-is-not-utf-8", "undecodable-control", frame(CONTROL, delimited(1, delimited(2, b"\xc3\x28")))),
    ("ends-in-the-length", "ends", b"\x00\x00"),
    ("ends-before-the-kind", "ends", b"\x00\x00\x00\x05"),
    ("ends-in-the-body", "ends", frame(CONTROL, HELLO)[:-1]),
]


def join_string(host, port, fingerprint, secret, expiry):
    content = struct.pack(">HQ", port, expiry) + fingerprint + bytes([len(secret)]) + secret
    content += bytes([len(host)]) + host.encode()
    content += hashlib.sha256(content).digest()[:4]
    return "trib1" + base64.urlsafe_b64encode(content).decode().rstrip("=")


AUTHORITY = hashlib.sha256(b"an authority").digest()
JOINS = [
    {"host": "fed.example.org", "port": 7301, "expiry": 1767225600, "secret": bytes(range(20))},
    {"host": "127.0.0.1", "port": 65535, "expiry": 4102444800, "secret": bytes(range(16))},
    {"host": "2001:db8::1", "port": 1, "expiry": 1, "secret": bytes(range(191, 255))},
]


def write(name, value):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


write("control.json", [
    {"name": name, "message": as_json("Control", fields), "frame": frame(CONTROL, encode("Control", fields)).hex()}
    for name, fields in CONTROLS
])
write("chunks.json", [
    {"name": name, "sha256": DIGEST.hex(), "offset": str(offset), "bytes": content.hex(),
     "frame": chunk(DIGEST, offset, content).hex()}
    for name, offset, content in CHUNKS if len(content) < 1024
] + [
    # Long contents are given by rule: byte i of the payload is i mod 256.
    {"name": name, "sha256": DIGEST.hex(), "offset": str(offset), "byteCount": len(content),
     "frameSha256": hashlib.sha256(chunk(DIGEST, offset, content)).hexdigest()}
    for name, offset, content in CHUNKS if len(content) >= 1024
])
write("refused.json", [{"name": name, "error": error, "bytes": content.hex()} for name, error, content in REFUSED])
write("join-strings.json", [
    {"text": join_string(join["host"], join["port"], AUTHORITY, join["secret"], join["expiry"]),
     "host": join["host"], "port": join["port"], "authority": AUTHORITY.hex(), "secret": join["secret"].hex(),
     "expiry": join["expiry"]}
    for join in JOINS
])
