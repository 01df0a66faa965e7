"""Makes the fixtures beside this file with the real peft, transformers and safetensors.

    python -m venv V && V/bin/pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 safetensors==0.8.0
    PYTHONHASHSEED=0 OMP_NUM_THREADS=1 V/bin/python make_fixtures.py

peft/NAME/        what `save_pretrained` wrote for one way of configuring LoRA on a tiny BERT
peft/numbers.json for each of them: shape, sum, first and last values of every tensor, and every layer's scaling
base/             the tiny BERT, encoder alone, as `BertModel.save_pretrained` wrote it
safetensors/      files of the reference library: every element type, awkward names
verdicts.json     small files, whole and damaged, and what the reference library says of them
"""

import base64
import json
import pathlib
import random
import shutil
import struct
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError, deserialize
from safetensors.torch import load_file, save, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent
config = BertConfig(
    vocab_size=40,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=16,
    num_labels=3,
)


def fresh_model():
    torch.manual_seed(7)
    return BertForSequenceClassification(config)


# MARK: adapters

variants = {
    "plain": dict(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "patterns": dict(
        r=4,
        lora_alpha=8,
        target_modules=["query", "value", "dense"],
        # The first pattern that matches counts, and the file has them sorted: other orders would not survive saving.
        rank_pattern={"layer.1.output.dense": 1, r"layer\.0\..*\.query": 2, "output.dense": 3},
        alpha_pattern={"^bert.pooler.dense": 5, r"bert\.encoder\.layer\.[01]\.attention\.self\.query": 12, "value": 6},
    ),
    "rslora": dict(r=4, lora_alpha=8, target_modules=["query"], use_rslora=True, rank_pattern={"layer.1.attention.self.query": 2}),
    "head": dict(r=2, lora_alpha=4, target_modules=["query", "value"], modules_to_save=["classifier"], task_type="SEQ_CLS"),
    "bf16-head": dict(r=2, lora_alpha=4, target_modules=["query"], modules_to_save=["classifier"], task_type="SEQ_CLS"),
    "expression": dict(r=2, lora_alpha=4, target_modules=r".*\.1\.attention\.self\.(query|key)"),
    "dora": dict(r=2, lora_alpha=4, target_modules=["query"], use_dora=True),
    "factor-bias": dict(r=2, lora_alpha=4, target_modules=["value"], lora_bias=True),
    "embedding": dict(r=2, lora_alpha=4, target_modules=["word_embeddings", "value"]),
}

shutil.rmtree(here / "peft", ignore_errors=True)
numbers = {}
for name, arguments in variants.items():
    model = fresh_model()
    if name == "bf16-head":
        model = model.to(torch.bfloat16)
    peft = get_peft_model(model, LoraConfig(**arguments))
    torch.manual_seed(11)
    with torch.no_grad():
        for parameter in peft.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape).to(parameter.dtype) * 0.1)
    folder = here / "peft" / name
    peft.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()

    loaded = PeftModel.from_pretrained(fresh_model(), folder)
    scalings = {
        path.removeprefix("base_model.model."): module.scaling["default"]
        for path, module in loaded.named_modules()
        if isinstance(getattr(module, "scaling", None), dict)
    }
    tensors = {}
    for key, tensor in load_file(folder / "adapter_model.safetensors").items():
        values = tensor.double().flatten().tolist()
        tensors[key] = {"shape": list(tensor.shape), "sum": sum(values), "ends": values[:3] + values[-3:]}
    numbers[name] = {"scalings": scalings, "tensors": tensors}
(here / "peft" / "numbers.json").write_text(json.dumps(numbers, indent=1, sort_keys=True))

# MARK: base model

shutil.rmtree(here / "base", ignore_errors=True)
torch.manual_seed(7)
BertModel(config).save_pretrained(here / "base")

# MARK: bytes of the reference library

shutil.rmtree(here / "safetensors", ignore_errors=True)
(here / "safetensors").mkdir()
save_file(
    {
        "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) - 2.5,
        "bf16": torch.tensor([1.0, -0.0, 3.140625, float("inf")], dtype=torch.bfloat16),
        "f16": torch.tensor([1.0, 6e-8, 65504.0, -2.0], dtype=torch.float16),
        "f64": torch.tensor([0.1, 1e-3, -7.0], dtype=torch.float64),
        "a": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
        "B": torch.ones(1, 1),
    },
    here / "safetensors" / "floats.safetensors",
    metadata={"format": "pt"},
)
save_file(
    {
        name: torch.zeros(2, dtype=getattr(torch, dtype))
        for name, dtype in [
            ("u64", "uint64"), ("i64", "int64"), ("f64", "float64"), ("c64", "complex64"), ("f32", "float32"),
            ("u32", "uint32"), ("i32", "int32"), ("bf16", "bfloat16"), ("f16", "float16"), ("u16", "uint16"),
            ("i16", "int16"), ("e4m3", "float8_e4m3fn"), ("e5m2", "float8_e5m2"), ("i8", "int8"), ("u8", "uint8"),
            ("bool", "bool"),
        ]
    },
    here / "safetensors" / "types.safetensors",
)
save_file(
    {name: torch.full((1,), index + 0.5) for index, name in enumerate(
        ['quote"', "back\\slash", "new\nline", "tab\t", "bell\x07", "unit\x1f", "del\x7f", "naïve", "z.é", "z.e\u0301x", "日本", "😀", "\ufffd", "a/b"]
    )},
    here / "safetensors" / "names.safetensors",
    metadata={"format": "pt"},
)

# MARK: verdicts

cases = []


def case(name, data, ours=None):
    """Adds a case; `ours` says what we want where it is stricter than the reference."""
    try:
        deserialize(data)
        reference = True
    except SafetensorError:
        reference = False
    cases.append({
        "name": name,
        "bytes": base64.b64encode(data).decode(),
        "reference": reference,
        "accepted": reference if ours is None else ours,
    })


def file(header, data=b"", length=None):
    if not isinstance(header, (bytes, str)):
        header = json.dumps(header, separators=(",", ":"))
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


four = b"\0\0\x80?"
case("no bytes", b"")
case("seven bytes", b"\0" * 7)
case("empty header", file(""))
case("no tensors", file({}))
case("one tensor", file({"a": entry()}, four))
case("notes", file({"__metadata__": {"format": "pt", "n": "1"}, "a": entry()}, four))
case("notes last", file({"a": entry(), "__metadata__": {"format": "pt"}}, four))
case("padding", file(json.dumps({"a": entry()}) + "     ", four))
case("white space", file(' {\n\t"a" : {"dtype":"F32","shape":[ 1 ],"data_offsets":[0 , 4]}\r\n} ', four))
case("fields in another order", file('{"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}', four))
case("escaped name", file('{"\\u0061\\n\\ud83d\\ude00":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("two tensors, second first", file({"b": entry(offsets=(4, 8)), "a": entry()}, four * 2))
case("scalar", file({"a": entry(shape=())}, four))
case("zero-size tensor", file({"a": entry(shape=(0, 5), offsets=(0, 0)), "b": entry()}, four))
case("zero-size tensor at the end", file({"a": entry(), "b": entry(shape=(3, 0), offsets=(4, 4))}, four))
case("misaligned", file({"a": entry("U8", (1,), (0, 1)), "b": entry("F32", (1,), (1, 5))}, b"\1" + four))
case("packed four bits", file({"a": entry("F4", (2,), (0, 1))}, b"\1"))
case("half a byte", file({"a": entry("F4", (3,), (0, 2))}, b"\1\1"))
case("header length beyond the file", file({"a": entry()}, four, length=4096))
case("header length 2^63", file({"a": entry()}, four, length=1 << 63))
case("header length 2^64-1", file({"a": entry()}, four, length=(1 << 64) - 1))
case("header length over the limit", file({"a": entry()}, four, length=100_000_001))
case("NUL padding", file(json.dumps({"a": entry()}).encode() + b"\0\0", four))
case("bad UTF-8", file(b'{"\xff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("overlong UTF-8", file(b'{"\xc0\x80":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("surrogate in UTF-8", file(b'{"\xed\xa0\x80":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("lone surrogate", file('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("two high surrogates", file('{"\\ud800\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("control character in a name", file(b'{"a\x01":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("trailing bytes", file({"a": entry()}, four + b"\0"))
case("data missing", file({"a": entry()}, four[:3]))
case("gap before", file({"a": entry(offsets=(4, 8))}, four * 2))
case("gap between", file({"a": entry(), "b": entry(offsets=(8, 12))}, four * 3))
case("overlap", file({"a": entry(), "b": entry(offsets=(2, 6))}, four * 2))
case("same range twice", file({"a": entry(), "b": entry()}, four))
case("reversed range", file({"a": entry(offsets=(4, 0))}, four))
case("range too short", file({"a": entry(shape=(2,))}, four))
case("range too long", file({"a": entry(offsets=(0, 8))}, four * 2))
case("unknown type", file({"a": entry("F31")}, four))
case("lower-case type", file({"a": entry("f32")}, four))
case("type as number", file('{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}', four))
case("float in shape", file('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', four))
case("exponent in shape", file('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', four))
case("negative shape", file('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', four))
case("minus zero", file('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'))
case("leading zero", file('{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', four))
case("text in shape", file('{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', four))
case("NaN in offsets", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,NaN]}}', four))
case("three offsets", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', four))
case("one offset", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', four))
case("shape product overflows", file({"a": entry(shape=(1 << 32, 1 << 32))}, four))
case("shape product overflows to four", file({"a": entry(shape=((1 << 62) + 1, 4))}, four))
case("size overflows", file({"a": entry(shape=(1 << 61,))}, four))
case("shape of 2^64", file({"a": entry(shape=(1 << 64,))}, four))
case("offsets of 2^63", file({"a": entry(offsets=(1 << 63, (1 << 63) + 4))}, four))
case("notes with a number", file({"__metadata__": {"n": 1}, "a": entry()}, four))
case("notes with an object", file({"__metadata__": {"n": {}}, "a": entry()}, four))
case("notes are a list", file({"__metadata__": [], "a": entry()}, four))
case("notes are null", file('{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four), ours=False)
case("notes twice", file('{"__metadata__":{},"__metadata__":{},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("name twice", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four), ours=False)
case("note twice", file('{"__metadata__":{"k":"1","k":"2"}}'), ours=False)
case("field twice", file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four))
case("unknown field", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0}}', four), ours=False)
case("missing type", file('{"a":{"shape":[1],"data_offsets":[0,4]}}', four))
case("missing shape", file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', four))
case("missing offsets", file('{"a":{"dtype":"F32","shape":[1]}}', four))
case("entry is a list", file('{"a":["F32",[1],[0,4]]}', four), ours=False)
case("header is a list", file("[]"), ours=False)
case("header is a number", file("1"))
case("header is not closed", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}', four))
case("two objects", file("{}{}"))
case("trailing comma", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}', four))
case("no comma", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', four * 2))
case("single quotes", file("{'a':{}}"))
case("deep lists", file("[" * 5000))
case("deep objects in notes", file('{"__metadata__":' + '{"a":' * 500))
case("comment", file("{/**/}"))
case("byte order mark", file(b"\xef\xbb\xbf{}"))

# Damage at random, so that nothing is chosen with a reader in mind.
generator = random.Random(3)
whole = save({"lora_A": torch.ones(2, 3), "head": torch.zeros(2, dtype=torch.bfloat16)}, metadata={"format": "pt"})
for index in range(90):
    damaged = bytearray(whole)
    for _ in range(generator.choice([1, 1, 1, 2])):
        at = generator.randrange(len(whole) - 28)
        damaged[at] = generator.choice([generator.randrange(256), *b'0123456789[]{},:"'])
    case(f"damaged {index}", bytes(damaged))
(here / "verdicts.json").write_text(json.dumps(cases, indent=0))

for path in here.rglob("*.*"):
    path.chmod(0o644)
