"""Checks `fed-server aggregate` against peft and a float64 NumPy oracle.

    V/bin/python check_aggregate.py PATH/TO/fed-server

Adapters of mixed ranks are made with the real peft, combined by the program, loaded again with
`PeftModel.from_pretrained`, and compared layer by layer with the dense float64 computation. Then the refusals: exit 2,
one line on standard error that names the culprit, and nothing left behind.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import BertConfig, BertForSequenceClassification

warnings.filterwarnings("ignore")
program = sys.argv[1]
folder = pathlib.Path(tempfile.mkdtemp(prefix="aggregate-"))
config = BertConfig(
    vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=16, num_labels=3,
)


def base():
    torch.manual_seed(7)
    return BertForSequenceClassification(config)


def make(name, seed, **arguments):
    arguments = {"target_modules": ["query", "dense"], "modules_to_save": ["classifier"], "lora_alpha": 16} | arguments
    model = get_peft_model(base(), LoraConfig(**arguments))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape) * 0.2)
    model.save_pretrained(folder / name, save_embedding_layers=False)
    return folder / name


def load(path):
    """Loads with peft and returns s·B·A by layer in float64, the head, and the ranks."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base(), path)
    assert not [w for w in caught if "missing" in str(w.message).lower()], [str(w.message) for w in caught]
    layers, factors = {}, {}
    for name, module in model.named_modules():
        if len(getattr(module, "lora_embedding_A", {})):
            a = module.lora_embedding_A["default"].detach().double().numpy()
            b = module.lora_embedding_B["default"].detach().double().numpy()
            layers[name] = module.scaling["default"] * b @ a
            factors[name] = (a, b, module.scaling["default"])
        elif isinstance(getattr(module, "scaling", None), dict):
            a = module.lora_A["default"].weight.detach().double().numpy()
            b = module.lora_B["default"].weight.detach().double().numpy()
            layers[name] = module.scaling["default"] * b @ a
            factors[name] = (a, b, module.scaling["default"])
    head = {
        name: parameter.detach().double().numpy()
        for name, parameter in model.named_parameters()
        if any(part in name for part in ["modules_to_save", "magnitude", "lora_B.default.bias"])
    }
    return layers, head, factors


def cut(matrix, rank):
    u, s, vt = np.linalg.svd(matrix)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def prefix(factors, rank):
    """What a client of that rank downloaded: the first components, at the global scale."""
    a, b, scaling = factors
    return scaling * b[:, :rank] @ a[:rank]


def aggregate(*arguments, out="out"):
    target = folder / out
    result = subprocess.run(
        [program, "aggregate", *map(str, arguments), "--out", str(target)], capture_output=True, text=True, cwd=folder
    )
    return target, result


def expect(name, value, reference, tolerance=2e-6):
    error = np.linalg.norm(value - reference) / max(np.linalg.norm(reference), 1e-30)
    assert error < tolerance, f"{name}: relative error {error:.1e}"
    return error


def compare(title, target, layers, head, rank=None):
    found, found_head, factors = load(target)
    assert found.keys() == layers.keys(), title
    worst = max(expect(f"{title} {name}", found[name], layers[name]) for name in layers)
    for name in head:
        expect(f"{title} {name}", found_head[name], head[name], 1e-7)
    if rank:
        assert all(f[0].shape[0] == rank for f in factors.values()), title
    print(f"{title}: worst relative error {worst:.1e}")


def mean(dictionaries, weights):
    total = sum(weights)
    return {k: sum(w * d[k] for w, d in zip(weights, dictionaries)) / total for k in dictionaries[0]}


# MARK: products of mixed ranks, scales and rules

weights = [1, 3, 2.5]
clients = [make("a", 1, r=2), make("b", 2, r=8), make("c", 3, r=4, use_rslora=True, lora_alpha=4)]
loaded = [load(client) for client in clients]
head = mean([l[1] for l in loaded], weights)
G = mean([l[0] for l in loaded], weights)
inputs = [f"{client}={weight}" for client, weight in zip(clients, weights)]

target, result = aggregate("--strategy", "flexlora", "--mode", "state", *inputs, out="state")
assert result.returncode == 0, result.stderr
assert result.stdout.strip() == str(target), result.stdout
compare("flexlora state, largest rank", target, {k: cut(v, 8) for k, v in G.items()}, head, 8)

target, result = aggregate(
    "--strategy", "flexlora", "--rank", 2, "--rank", 5, "--rank", 14, "--alpha", 3, *reversed(inputs), out="ranks"
)
assert result.returncode == 0, result.stderr
assert sorted(p.name for p in target.iterdir()) == ["rank-14", "rank-2", "rank-5"]
for rank in [2, 5, 14]:
    compare(f"flexlora state, rank {rank}", target / f"rank-{rank}", {k: cut(v, rank) for k, v in G.items()}, head, rank)
    assert f'"lora_alpha": 3' in (target / f"rank-{rank}" / "adapter_config.json").read_text()

# Rank 14 holds the whole sum (2 + 8 + 4).
compare("flexlora state, exact", target / "rank-14", G, head)

# MARK: deltas

origin = make("global", 9, r=8, lora_alpha=16)
start, _, start_factors = load(origin)
delta = {
    k: start[k] + sum(
        w * (l[0][k] - prefix(start_factors[k], l[2][k][0].shape[0])) for w, l in zip(weights, loaded)
    ) / sum(weights)
    for k in start
}
target, result = aggregate("--strategy", "flexlora", "--mode", "delta", "--global", origin, *inputs, out="delta")
assert result.returncode == 0, result.stderr
compare("flexlora delta", target, {k: cut(v, 8) for k, v in delta.items()}, head, 8)
target, result = aggregate("--strategy", "flexlora", "--global", origin, "--rank", 16, *inputs, out="delta16")
assert result.returncode == 0, result.stderr
compare("flexlora delta, rank 16", target / "rank-16", {k: cut(v, 16) for k, v in delta.items()}, head, 16)

# A small global adapter: clients of larger rank downloaded all of it.
small = make("small", 10, r=4, lora_alpha=2)
start, _, start_factors = load(small)
delta = {
    k: start[k] + sum(
        w * (l[0][k] - prefix(start_factors[k], l[2][k][0].shape[0])) for w, l in zip(weights, loaded)
    ) / sum(weights)
    for k in start
}
target, result = aggregate("--strategy", "flexlora", "--global", small, *inputs, out="delta-small")
assert result.returncode == 0, result.stderr
compare("flexlora delta, small global", target, {k: cut(v, 8) for k, v in delta.items()}, head, 8)

# MARK: factors

same = [make("d", 4, r=4), make("e", 5, r=4), make("f", 6, r=4, lora_alpha=8)]
loaded = [load(client) for client in same]
target, result = aggregate("--strategy", "fedavg", same[0], same[1], f"{same[2]}=2", out="fedavg")
assert result.returncode == 0, result.stderr
expected = {}
for k in loaded[0][0]:
    a = sum(w * l[2][k][0] for w, l in zip([1, 1, 2], loaded)) / 4
    b = sum(w * l[2][k][1] * l[2][k][2] / 4.0 for w, l in zip([1, 1, 2], loaded)) / 4
    expected[k] = 4.0 * b @ a
compare("fedavg", target, expected, mean([l[1] for l in loaded], [1, 1, 2]), 4)

# MARK: per-layer ranks

patterned = [
    make("g", 7, r=4, rank_pattern={"query": 2}, alpha_pattern={"query": 6}),
    make("h", 8, r=4, rank_pattern={"query": 2}, alpha_pattern={"query": 6}),
]
loaded = [load(client) for client in patterned]
target, result = aggregate("--strategy", "flexlora", *patterned, out="patterned")
assert result.returncode == 0, result.stderr
G = mean([l[0] for l in loaded], [1, 1])
compare("flexlora, patterns", target, {k: cut(v, 2 if "query" in k else 4) for k, v in G.items()}, {})

# MARK: what is not a linear layer's factor

for title, arguments in {
    "DoRA": dict(use_dora=True),
    "biases of factors": dict(lora_bias=True, modules_to_save=None),
    "embeddings": dict(target_modules=["word_embeddings", "query"]),
}.items():
    pair = [make(title + str(seed), seed, r=4, **arguments) for seed in [21, 22]]
    loaded = [load(client) for client in pair]
    target, result = aggregate("--strategy", "flexlora", f"{pair[0]}=3", pair[1], out=title)
    assert result.returncode == 0, result.stderr
    G = mean([l[0] for l in loaded], [3, 1])
    assert loaded[0][1], title
    compare(f"flexlora, {title}", target, {k: cut(v, 4) for k, v in G.items()}, mean([l[1] for l in loaded], [3, 1]))

# MARK: the same bytes in any order

one, _ = aggregate("--strategy", "flexlora", *inputs, out="order1")
two, _ = aggregate("--strategy", "flexlora", *reversed(inputs), out="order2")
name = "adapter_model.safetensors"
assert (one / name).read_bytes() == (two / name).read_bytes()

# MARK: refusals


def refuse(title, *arguments, needs):
    target, result = aggregate(*arguments, out="refused/deep")
    assert result.returncode == 2, (title, result.returncode, result.stderr)
    assert needs in result.stderr, (title, result.stderr)
    assert not (folder / "refused").exists(), title
    assert not list(folder.glob(".*partial*")), title
    print(f"refused: {title}: {result.stderr.strip().splitlines()[0]}")


a, b = clients[:2]
refuse("unknown strategy", "--strategy", "best", a, b, needs="Use one of fedavg, flexlora")
refuse("delta without global", "--strategy", "flexlora", "--mode", "delta", a, b, needs="--global")
refuse("mixed ranks under fedavg", "--strategy", "fedavg", a, b, needs="Use equal ranks")
refuse("mode of a strategy without modes", "--strategy", "fedavg", "--mode", "state", a, b, needs="has no modes")
refuse("negative weight", "--strategy", "flexlora", f"{a}=-1", b, needs="at least 0")
refuse("weight nan", "--strategy", "flexlora", f"{a}=nan", b, needs="finite")
refuse("weight not a number", "--strategy", "flexlora", f"{a}=much", b, needs="no weight")
refuse("weights sum to zero", "--strategy", "flexlora", f"{a}=0", f"{b}=0", needs="positive weight")
refuse("missing directory", "--strategy", "flexlora", a, folder / "nowhere", needs="holds no adapter")
refuse("rank 0", "--strategy", "flexlora", "--rank", 0, a, needs="--rank")
refuse("rank not a number", "--strategy", "flexlora", "--rank", "x", a, needs="rank")
refuse("alpha 0", "--strategy", "flexlora", "--alpha", 0, a, needs="--alpha")
refuse("no adapters", "--strategy", "flexlora", needs="adapter")
other = make("other", 12, r=4, target_modules=["value"])
refuse("other modules", "--strategy", "flexlora", a, other, needs="does not fit")
refuse("global of other modules", "--strategy", "flexlora", "--global", other, a, b, needs="'the global adapter' does not fit")
headless = make("headless", 13, r=4, modules_to_save=None)
refuse("missing head", "--strategy", "flexlora", a, headless, needs="classifier")
broken = make("nan", 14, r=4)
from safetensors.torch import load_file, save_file  # noqa: E402

tensors = load_file(broken / name)
key = sorted(tensors)[3]
tensors[key].view(-1)[0] = float("nan")
save_file(tensors, broken / name, metadata={"format": "pt"})
refuse("NaN", "--strategy", "flexlora", a, broken, needs="NaN or infinite")
tensors = load_file(a / name)
cutoff = make("cut", 1, r=2)
(cutoff / name).write_bytes((a / name).read_bytes()[:-1])
refuse("cut short", "--strategy", "flexlora", b, cutoff, needs="is not a safetensors file")
missing = make("missing", 1, r=2)
save_file({k: v for k, v in tensors.items() if "1.attention.self.query.lora_B" not in k}, missing / name, metadata={"format": "pt"})
refuse("missing B", "--strategy", "flexlora", b, missing, needs="other factor")
pissa = make("pissa", 1, r=2, init_lora_weights="pissa")
refuse("pissa", "--strategy", "flexlora", b, pissa, needs="changes the base model")
biased = [make(f"biased{r}", r, r=r, lora_bias=True) for r in [2, 4]]
refuse("biases at two scales", "--strategy", "flexlora", *biased, needs="only add up at one scale")
refuse("biases at another scale", "--strategy", "flexlora", "--rank", 2, biased[1], needs="only add up at one scale")
embedded = make("embedded", 1, r=2, target_modules=["word_embeddings", "query", "dense"])
refuse("other embeddings", "--strategy", "flexlora", a, embedded, needs="target_modules")
used = folder / "used"
used.mkdir()
(used / "notes.txt").write_text("mine")
_, result = aggregate("--strategy", "flexlora", a, b, out="used")
assert result.returncode == 2 and "not empty" in result.stderr, result.stderr
assert [p.name for p in used.iterdir()] == ["notes.txt"]
print("all checks passed")
