"""Writes tiny-bert-pissa.json: what PEFT makes of tiny-bert/ with init_lora_weights="pissa".

Usage: python make_pissa_fixture.py. For each adapted module the change s·B·A that the adapter starts from, the singular
values of B and of A.
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import BertModel

HERE = Path(__file__).parent


def rounded(tensor):
    return [float(f"{value:.6g}") for value in tensor.flatten().tolist()]


def main():
    base = BertModel.from_pretrained(HERE / "tiny-bert")
    model = get_peft_model(base, LoraConfig(
        r=3, lora_alpha=12, use_rslora=True, init_lora_weights="pissa", target_modules=["query"]))
    modules = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A"):
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            modules["bert." + name.removeprefix("base_model.model.")] = {
                "shape": [b.shape[0], a.shape[1]],
                "product": rounded(module.scaling["default"] * b @ a),
                "singular_values_of_a": rounded(torch.linalg.svdvals(a)),
                "singular_values_of_b": rounded(torch.linalg.svdvals(b)),
            }
    (HERE / "tiny-bert-pissa.json").write_text(json.dumps(modules) + "\n")


if __name__ == "__main__":
    with torch.no_grad():
        main()
