"""Makes the fixtures of merging into a base model and of converting for llama.cpp, with the real peft and gguf.

    V/bin/pip install gguf==0.19.0        # beside what make_fixtures.py needs
    PYTHONHASHSEED=0 OMP_NUM_THREADS=1 V/bin/python make_merge_fixtures.py

base-sharded/           the tiny BERT of base/ in bf16, in several shards
merged/NAME.safetensors what `merge_and_unload` of peft makes of base/ or base-sharded/ and peft/NAME
llama/                  a tiny Llama's config.json, an adapter of it, and adapter.gguf with what llama.cpp is to read
"""

import pathlib
import shutil
import warnings

import gguf
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification, BertModel, LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent

# MARK: merging into a base model

shutil.rmtree(here / "base-sharded", ignore_errors=True)
shutil.rmtree(here / "merged", ignore_errors=True)
(here / "merged").mkdir()
BertModel.from_pretrained(here / "base").to(torch.bfloat16).save_pretrained(here / "base-sharded", max_shard_size="20KB")


def merge(name, folder, **keywords):
    model = BertForSequenceClassification.from_pretrained(here / folder, num_labels=3, **keywords)
    merged = PeftModel.from_pretrained(model, here / "peft" / name).merge_and_unload()
    heads = ("classifier",) if name == "head" else ()
    # The new head of the base model is random, unless the adapter brings one.
    return {key: tensor.contiguous() for key, tensor in merged.state_dict().items() if key.startswith("bert.") or key.startswith(heads)}


for name, folder in [("head", "base"), ("embedding", "base"), ("rslora", "base")]:
    save_file(merge(name, folder), here / "merged" / f"{name}.safetensors")
save_file(merge("plain", "base-sharded", dtype=torch.bfloat16), here / "merged" / "plain.safetensors")

# MARK: conversion for llama.cpp

shutil.rmtree(here / "llama", ignore_errors=True)
config = LlamaConfig(
    vocab_size=10, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=12, max_position_embeddings=8, tie_word_embeddings=False,
)
torch.manual_seed(5)
model = get_peft_model(
    LlamaForCausalLM(config),
    LoraConfig(
        r=2, lora_alpha=6, alpha_pattern={"up_proj": 3},
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embed_tokens"],
        task_type="CAUSAL_LM",
    ),
)
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.copy_(torch.randn(parameter.shape) * 0.3)
model.save_pretrained(here / "llama" / "adapter", save_embedding_layers=False)
(here / "llama" / "adapter" / "README.md").unlink()
config.architectures = ["LlamaForCausalLM"]
config.save_pretrained(here / "llama" / "base")

names = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def interleaved(rows, heads):
    """The order of rows that llama.cpp's rotation wants: element i of a head's halves side by side."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


writer = gguf.GGUFWriter(here / "llama" / "adapter.gguf", "llama")
writer.add_type(gguf.GGUFType.ADAPTER)
writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 6.0)
tensors = {name.removeprefix("base_model.model."): tensor.numpy() for name, tensor in load_file(here / "llama" / "adapter" / "adapter_model.safetensors").items()}
for layer in range(2):
    for module, name in names.items():
        path = f"model.layers.{layer}.{module}"
        a, b = tensors[f"{path}.lora_A.weight"], tensors[f"{path}.lora_B.weight"]
        if name in ("attn_q", "attn_k"):
            b = interleaved(b, 4 if name == "attn_q" else 2)
        if name == "ffn_up":
            b = b * np.float32(3 / 6)
        writer.add_tensor(f"blk.{layer}.{name}.weight.lora_a", a)
        writer.add_tensor(f"blk.{layer}.{name}.weight.lora_b", np.ascontiguousarray(b))
writer.add_tensor("token_embd.weight.lora_a", np.ascontiguousarray(tensors["model.embed_tokens.lora_embedding_A"].T))
writer.add_tensor("token_embd.weight.lora_b", tensors["model.embed_tokens.lora_embedding_B"])
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
