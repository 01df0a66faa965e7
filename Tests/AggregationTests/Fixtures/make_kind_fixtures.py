"""Makes kinds/ beside this file with the real peft: adapters of other kinds than LoRA, and their means.

    python -m venv V && V/bin/pip install torch==2.13.0 transformers==5.24.0 peft==0.21.2 safetensors==0.8.0
    PYTHONHASHSEED=0 OMP_NUM_THREADS=1 V/bin/python make_kind_fixtures.py

kinds/NAME/a, b   what `save_pretrained` wrote of two silos that started from one adapter
kinds/NAME/mean   3/4 of a and 1/4 of b, each tensor added up in 64 bits and rounded once
kinds/vera/other  like a, from another `projection_prng_key`
kinds/loha/a      a kind whose tensors are factors of a product, so that their means mean nothing

LoRA-XS (kinds/lora-xs) is no kind of peft's; its authors put a linear layer called `default_lora_latent_mapping` into
LoRA's layers and save that with peft. It is made here by the same means.
"""

import pathlib
import shutil
import warnings

import torch
from peft import (
    FourierFTConfig,
    IA3Config,
    LoHaConfig,
    LoraConfig,
    PromptTuningConfig,
    TinyLoraConfig,
    VeraConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification

warnings.filterwarnings("ignore")
folder = pathlib.Path(__file__).parent / "kinds"
config = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=16,
    num_labels=3,
)
kinds = {
    "vera": VeraConfig(r=2, target_modules=["query", "value"], projection_prng_key=3),
    "vera-alone": VeraConfig(r=2, target_modules=["query", "value"], projection_prng_key=3, save_projection=False),
    "fourierft": FourierFTConfig(n_frequency=10, target_modules=["query"], random_loc_seed=5),
    "ia3": IA3Config(
        target_modules=["query", "output.dense"],
        feedforward_modules=["output.dense"],
        modules_to_save=["classifier"],
        task_type="SEQ_CLS",
    ),
    "prompt": PromptTuningConfig(num_virtual_tokens=3, task_type="SEQ_CLS"),
    "tinylora": TinyLoraConfig(r=2, u=4, target_modules=["query"]),
    "lora-xs": LoraConfig(r=2, lora_alpha=4, target_modules=["query"]),
}


def silo(name, kind, seed):
    torch.manual_seed(7)
    model = get_peft_model(BertForSequenceClassification(config), kind)
    if name == "lora-xs":
        for module in list(model.modules()):
            if hasattr(module, "lora_A"):
                module.lora_A.requires_grad_(False)
                module.lora_B.requires_grad_(False)
                module.lora_B["default"].weight.normal_()
                module.default_lora_latent_mapping = torch.nn.Linear(kind.r, kind.r, bias=False)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


@torch.no_grad()
def write(name, kind):
    for seed, which in enumerate("ab"):
        silo(name, kind, seed).save_pretrained(folder / name / which)
        (folder / name / which / "README.md").unlink()
    a, b = (load_file(folder / name / which / "adapter_model.safetensors") for which in "ab")
    mean = folder / name / "mean"
    shutil.copytree(folder / name / "a", mean)
    tensors = {key: (0.75 * a[key].double() + 0.25 * b[key].double()).float() for key in a}
    save_file(tensors, mean / "adapter_model.safetensors", metadata={"format": "pt"})


@torch.no_grad()
def write_one(name, kind, which):
    silo(name, kind, 0).save_pretrained(folder / name / which)
    (folder / name / which / "README.md").unlink()


shutil.rmtree(folder, ignore_errors=True)
for name, kind in kinds.items():
    write(name, kind)
write_one("vera", VeraConfig(r=2, target_modules=["query", "value"], projection_prng_key=4), "other")
write_one("loha", LoHaConfig(r=2, alpha=2, target_modules=["query"]), "a")
