"""Checks `fed-server adapter` against peft, transformers, gguf and NumPy in 64 bits.

    V/bin/pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 safetensors==0.8.0 gguf==0.19.0
    V/bin/python check_adapter_commands.py PATH/TO/fed-server

Adapters are made with the real peft, the program works on them, and what it writes is loaded again: merged adapters with
`PeftModel.from_pretrained`, merged models with `from_pretrained` of transformers, converted ones with `GGUFReader`.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
import gguf
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, BertConfig, BertModel
from transformers import BertForSequenceClassification, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

warnings.filterwarnings("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()
program = sys.argv[1]
folder = pathlib.Path(tempfile.mkdtemp(prefix="adapters-"))
bert = BertConfig(
    vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=16, num_labels=3,
)
llama = LlamaConfig(
    vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
    max_position_embeddings=16,
)
texts = torch.arange(1, 25).reshape(2, 12) % 40


def run(*arguments, status=0):
    result = subprocess.run([program, "adapter", *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == status, (arguments, result.returncode, result.stderr)
    return result.stdout if status == 0 else result.stderr


def base(kind):
    torch.manual_seed(7)
    return BertForSequenceClassification(bert) if kind is bert else LlamaForCausalLM(llama)


def make(name, seed, kind=bert, **arguments):
    arguments = {"r": 4, "lora_alpha": 8, "target_modules": ["query", "value"] if kind is bert else ["q_proj", "k_proj", "up_proj"]} | arguments
    model = get_peft_model(base(kind), LoraConfig(**arguments))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape) * 0.2)
    model.save_pretrained(folder / name)
    return folder / name


def load(path, kind=bert):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base(kind), path)
    assert not [w for w in caught if "missing" in str(w.message).lower()], [str(w.message) for w in caught]
    return model.eval()


def changes(model, adapter="default"):
    return {
        name.removeprefix("base_model.model."): module.scaling[adapter]
        * module.lora_B[adapter].weight.detach().double().numpy()
        @ module.lora_A[adapter].weight.detach().double().numpy()
        for name, module in model.named_modules()
        if adapter in getattr(module, "lora_A", {})
    }


def relative(left, right):
    return max(np.linalg.norm(left[name] - right[name]) / np.linalg.norm(right[name]) for name in right)


one, two = make("one", 1), make("two", 2, lora_alpha=16)
wide = make("wide", 3, r=6, use_rslora=True, target_modules=["query", "key"])
head = make("head", 4, modules_to_save=["classifier"], task_type="SEQ_CLS")

# MARK: info and diff

worst = 0
for path in (one, wide):
    information, expected = json.loads(run("info", path, "--json")), changes(load(path))
    assert {layer["path"] for layer in information["layers"]} == set(expected)
    for layer in information["layers"]:
        values = np.linalg.svd(expected[layer["path"]], compute_uv=False)[: layer["rank"]]
        shares = values / values.sum()
        worst = max(worst, np.abs(np.array(layer["singular_values"]) - values).max() / values[0])
        worst = max(worst, abs(layer["effective_rank"] - np.exp(-(shares * np.log(shares)).sum())))
assert worst < 1e-5, worst
print(f"info     spectra and effective ranks within {worst:.1e} of NumPy")

left, right = changes(load(one)), changes(load(two))
distance = json.loads(run("diff", one, two, "--json"))
for layer in distance["layers"]:
    a, b = left[layer["path"]], right[layer["path"]]
    assert abs(layer["relative_distance"] - np.linalg.norm(a - b) / np.linalg.norm(a)) < 1e-6
    assert abs(layer["cosine"] - (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)) < 1e-6
    for name, pair in (("output_angles", (a, b)), ("input_angles", (a.T, b.T))):
        bases = [np.linalg.svd(m)[0][:, :4] for m in pair]
        angles = np.degrees(np.arccos(np.clip(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False), -1, 1)))
        assert np.abs(np.array(layer[name]) - angles).max() < 1e-3
print("diff     distances, cosines and angles are NumPy's")

# MARK: merge


def merged_by_peft(names, weights, method, **arguments):
    model = PeftModel.from_pretrained(base(bert), folder / names[0], adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(folder / name, adapter_name=name)
    model.add_weighted_adapter(names, weights, "merged", combination_type=method, **arguments)
    return changes(model, "merged")


for method, names, weights, arguments in [
    ("svd", ["one", "wide"], [0.7, 0.4], {"rank": 3}),
    ("cat", ["one", "wide"], [0.7, -0.4], {}),
    ("linear", ["one", "two"], [0.7, -0.4], {}),
    ("ties", ["one", "two"], [0.7, 0.4], {"density": 0.4}),
    ("magnitude_prune", ["one", "two"], [0.7, 0.4], {"density": 0.4}),
]:
    out = folder / f"merged-{method}"
    options = [part for key, value in arguments.items() for part in (f"--{key}", value)]
    run("merge", "--method", method, *options, "--out", out, *(f"{folder / name}={weight}" for name, weight in zip(names, weights)))
    # peft scales what it saved of an rsLoRA adapter once more: the reference has the plain scale.
    reference = {"density": arguments.get("density")} if "density" in arguments else {"svd_rank": arguments["rank"]} if "rank" in arguments else {}
    error = relative(changes(load(out)), merged_by_peft(names, weights, method, **reference))
    assert error < 1e-5, (method, error)
    print(f"merge    {method} within {error:.1e} of add_weighted_adapter, loaded by peft")
for method in ("dare_linear", "dare_ties"):
    out = folder / f"merged-{method}"
    run("merge", "--method", method, "--density", 0.5, "--rank", 2, "--out", out, one, two)
    assert {module.lora_A["default"].weight.shape[0] for module in load(out).modules() if hasattr(module, "lora_A") and len(module.lora_A)} == {2}
    print(f"merge    {method}, cut to rank 2, loaded by peft")

# MARK: into a base model

base(bert).save_pretrained(folder / "whole")
encoder = BertModel(bert)
encoder.load_state_dict(base(bert).bert.state_dict())
encoder.save_pretrained(folder / "encoder")
base(llama).save_pretrained(folder / "decoder")
base(llama).to(torch.bfloat16).save_pretrained(folder / "decoder-bf16", max_shard_size="15KB")
assert (folder / "decoder-bf16" / "model.safetensors.index.json").exists()
speaker = make("speaker", 5, kind=llama, task_type="CAUSAL_LM")
for model, adapter, kind, loader, dtype, limit in [
    ("whole", head, bert, AutoModelForSequenceClassification, torch.float32, 1e-5),
    ("encoder", head, bert, AutoModelForSequenceClassification, torch.float32, 1e-5),
    ("decoder", speaker, llama, AutoModelForCausalLM, torch.float32, 1e-5),
    ("decoder-bf16", speaker, llama, AutoModelForCausalLM, torch.bfloat16, 0.02),
]:
    out = folder / f"{model}-merged"
    run("merge", "--into-base", folder / model, "--out", out, adapter)
    merged, loading = loader.from_pretrained(out, output_loading_info=True, dtype=dtype)
    assert not loading["missing_keys"] and not loading["mismatched_keys"], loading
    assert all(parameter.dtype == dtype for name, parameter in merged.named_parameters()), dtype
    with torch.no_grad():
        difference = (merged.eval()(texts).logits.float() - load(adapter, kind)(texts).logits).abs().max().item()
    assert difference < limit, (model, difference)
    print(f"merge    into {model}: logits within {difference:.1e} of peft, loaded by {loader.__name__}")

# MARK: convert


def rotated(rows, heads):
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


for precision, limit in (("f32", 0), ("f16", 1e-3)):
    out = folder / f"adapter-{precision}.gguf"
    run("convert", speaker, "--base", folder / "decoder", "--type", precision, "--out", out)
    reader = gguf.GGUFReader(out)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert fields == {"general.type": "adapter", "general.architecture": "llama", "adapter.type": "lora", "adapter.lora.alpha": 8.0}, fields
    tensors = {tensor.name: tensor.data.astype(np.float32) for tensor in reader.tensors}
    assert len(tensors) == 12
    for name, module in load(speaker, llama).named_modules():
        if not len(getattr(module, "lora_A", {})):
            continue
        block, layer = name.split(".layers.")[1].split(".", 1)
        short = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "mlp.up_proj": "ffn_up"}[layer]
        b = module.lora_B["default"].weight.detach().numpy()
        if short != "ffn_up":
            b = rotated(b, 4 if short == "attn_q" else 2)
        for suffix, wanted in (("a", module.lora_A["default"].weight.detach().numpy()), ("b", b)):
            assert np.abs(tensors[f"blk.{block}.{short}.weight.lora_{suffix}"] - wanted).max() <= limit
    print(f"convert  {precision} is read by GGUFReader with llama.cpp's names, shapes and rows")

# MARK: refusals

for arguments, message in [
    (("merge", "--method", "ties", "--density", "0.5", "--out", folder / "x", one, wide), "Use svd or cat"),
    (("merge", "--method", "svd", "--density", "0.5", "--out", folder / "x", one, two), "no effect"),
    (("merge", "--method", "ties", "--out", folder / "x", one, two), "needs --density"),
    (("merge", "--method", "svd", "--rank", "33", "--out", folder / "x", one, two), "Write 1 to 32"),
    (("merge", "--out", one, one, two), "not empty"),
    (("merge", "--into-base", folder / "decoder", "--out", folder / "x", one), "does not fit"),
    (("convert", head, "--base", folder / "whole", "--out", folder / "x.gguf"), "classifier"),
    (("convert", speaker, "--base", folder / "decoder", "--out", folder / "adapter-f32.gguf"), "File exists"),
    (("info", folder / "nowhere"), "holds no adapter"),
    (("diff", one, speaker), "no layer in common"),
]:
    error = run(*arguments, status=2)
    assert message in error, (arguments, error)
    assert not (folder / "x").exists() and not (folder / "x.gguf").exists()
print("refusals exit 2, name what is wrong, and leave nothing behind")
