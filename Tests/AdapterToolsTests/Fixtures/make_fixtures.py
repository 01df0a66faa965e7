"""Makes the fixtures beside this file with the real peft and NumPy in 64 bits.

    python -m venv V && V/bin/pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 safetensors==0.8.0
    PYTHONHASHSEED=0 OMP_NUM_THREADS=1 V/bin/python make_fixtures.py

adapters/NAME/    adapters of a tiny BERT, as `save_pretrained` wrote them
merged/METHOD/    what `add_weighted_adapter` made of two of them; see `merges` for the weights
masks.json        the elements that DARE kept in merged/dare_*, by factor and adapter
measures.json     spectra, distances, cosines and principal angles, from dense matrices
"""

import json
import pathlib
import shutil
import warnings

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import BertConfig, BertModel

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent
config = BertConfig(
    vocab_size=20, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=8,
)
adapters = {
    "one": dict(r=4, lora_alpha=8, target_modules=["query", "value"]),
    "two": dict(r=4, lora_alpha=16, target_modules=["query", "value"]),
    "wide": dict(r=6, lora_alpha=6, target_modules=["query", "key"]),
    "stable": dict(r=4, lora_alpha=8, target_modules=["query", "value"], use_rslora=True),
}
merges = {
    "linear": dict(adapters=["one", "two"], weights=[0.7, -0.3], combination_type="linear"),
    "cat": dict(adapters=["one", "two"], weights=[0.7, -0.3], combination_type="cat"),
    "svd": dict(adapters=["one", "wide"], weights=[0.7, 0.5], combination_type="svd", svd_rank=3),
    "ties": dict(adapters=["one", "two"], weights=[1.0, 0.6], combination_type="ties", density=0.5),
    "magnitude_prune": dict(adapters=["one", "two"], weights=[1.0, 0.6], combination_type="magnitude_prune", density=0.3),
    "dare_linear": dict(adapters=["one", "two"], weights=[1.0, 0.6], combination_type="dare_linear", density=0.5),
    "dare_ties": dict(adapters=["one", "two"], weights=[1.0, 0.6], combination_type="dare_ties", density=0.6),
}


def base():
    torch.manual_seed(7)
    return BertModel(config)


shutil.rmtree(here / "adapters", ignore_errors=True)
shutil.rmtree(here / "merged", ignore_errors=True)
for seed, (name, arguments) in enumerate(adapters.items()):
    model = get_peft_model(base(), LoraConfig(**arguments))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    model.save_pretrained(here / "adapters" / name)
    (here / "adapters" / name / "README.md").unlink()


def loaded(names):
    model = PeftModel.from_pretrained(base(), here / "adapters" / names[0], adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(here / "adapters" / name, adapter_name=name)
    return model


# MARK: merges

drawn = []
bernoulli = torch.bernoulli


def recording(*arguments, **keywords):
    mask = bernoulli(*arguments, **keywords)
    drawn.append("".join(str(int(bit)) for bit in mask.flatten().tolist()))
    return mask


torch.bernoulli = recording
masks = {}
for name, arguments in merges.items():
    model = loaded(arguments["adapters"])
    torch.manual_seed(99)
    drawn.clear()
    model.add_weighted_adapter(adapter_name="merged", **arguments)
    model.save_pretrained(here / "merged", selected_adapters=["merged"])
    (here / "merged" / "merged").rename(here / "merged" / name)
    if name.startswith("dare"):
        # The order in which peft goes through them: layers, then A and B, then adapters.
        layers = [path for path, module in model.base_model.model.named_modules() if hasattr(module, "lora_A") and len(module.lora_A)]
        places = iter(drawn)
        masks[name] = {f"{layer}.lora_{factor}.weight": [next(places) for _ in arguments["adapters"]] for layer in layers for factor in "AB"}
        assert next(places, None) is None
(here / "masks.json").write_text(json.dumps(masks, indent=1, sort_keys=True))
for readme in (here / "merged").rglob("README.md"):
    readme.unlink()

# MARK: measures


def changes(name):
    model = loaded([name])
    return {
        path.removeprefix("base_model.model."): module.scaling[name]
        * module.lora_B[name].weight.detach().double().numpy()
        @ module.lora_A[name].weight.detach().double().numpy()
        for path, module in model.named_modules()
        if len(getattr(module, "lora_A", {}))
    }


def spectrum(change):
    values = np.linalg.svd(change, compute_uv=False)
    return values[values > 1e-9 * values[0]]


def angles(left, right):
    """Principal angles in degrees between the column spaces, ascending."""
    bases = []
    for change in (left, right):
        u, s, _ = np.linalg.svd(change)
        bases.append(u[:, : (s > 1e-9 * s[0]).sum()])
    return np.degrees(np.arccos(np.clip(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False), -1, 1))).tolist()


measures = {"layers": {}, "pairs": {}}
for name in adapters:
    measures["layers"][name] = {}
    for path, change in changes(name).items():
        values = spectrum(change)
        shares = values / values.sum()
        measures["layers"][name][path] = {
            "norm": float(np.linalg.norm(change)),
            "singular_values": values.tolist(),
            "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
        }
for left, right in [("one", "two"), ("one", "wide"), ("one", "stable")]:
    first, second = changes(left), changes(right)
    measures["pairs"][f"{left} {right}"] = {
        path: {
            "relative_distance": float(np.linalg.norm(first[path] - second[path]) / np.linalg.norm(first[path])),
            "cosine": float((first[path] * second[path]).sum() / np.linalg.norm(first[path]) / np.linalg.norm(second[path])),
            "input_angles": angles(first[path].T, second[path].T),
            "output_angles": angles(first[path], second[path]),
        }
        for path in first
        if path in second
    }
(here / "measures.json").write_text(json.dumps(measures, indent=1, sort_keys=True))
