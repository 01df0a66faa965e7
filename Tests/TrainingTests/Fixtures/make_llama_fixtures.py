"""Writes tiny-llama/ and tiny-llama-reference.safetensors: a random Llama, and what PyTorch and PEFT compute with it.

Usage: python make_llama_fixtures.py. The base model is a Hugging Face directory of two layers of width 32 whose four
heads share two keys and values, with a projection to the vocabulary of its own. The adapter adapts all seven kinds of
linear layers at different ranks, with B not zero. The reference holds the adapter, the loss of every next token, their
mean, and every gradient; and the mean when the embedding is the projection.
"""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
# Ragged lengths; the longest has more tokens than one panel of the attention has rows.
TEXTS = [[2, 5, 9, 11, 40, 3], [7, 3], [(7 * i * i + 3 * i) % 61 for i in range(150)], [2, 33, 33, 58, 3], list(range(17))]


def losses_of(model):
    """The loss of every next token, one text at a time: no padding, so no mask can hide a difference."""
    losses = []
    for text in TEXTS:
        logits = model(input_ids=torch.tensor([text])).logits[0]
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(text[1:]), reduction="none"))
    return torch.cat(losses)


def main():
    torch.manual_seed(21)
    config = LlamaConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         intermediate_size=48, max_position_embeddings=160, rms_norm_eps=1e-5, rope_theta=500.0,
                         tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)
    base = LlamaForCausalLM(config)
    for name, parameter in base.named_parameters():
        if parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
        else:
            parameter.data.normal_(0, 0.8 if "embed" in name else 0.3)
    folder = HERE / "tiny-llama"
    shutil.rmtree(folder, ignore_errors=True)
    base.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)

    model = get_peft_model(base, LoraConfig(
        task_type="CAUSAL_LM", r=3, lora_alpha=6, lora_dropout=0.0,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        rank_pattern={"k_proj": 2, "up_proj": 4, "layers.1.self_attn.v_proj": 1}, alpha_pattern={"k_proj": 5}))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(0, 0.2)
    model.eval()
    trained = {name.replace("base_model.model.", "").replace(".default", ""): parameter
               for name, parameter in model.named_parameters() if parameter.requires_grad}
    reference = {f"adapter.{name}": parameter.detach().clone() for name, parameter in trained.items()}
    losses = losses_of(model)
    losses.mean().backward()
    reference["losses"] = losses.detach()
    reference["loss"] = losses.mean().detach()
    reference |= {f"gradient.{name}": parameter.grad.clone() for name, parameter in trained.items()}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "scaling", None), dict):
            reference[f"scaling.{name.replace('base_model.model.', '')}"] = torch.tensor(module.scaling["default"])
    with torch.no_grad():
        base.lm_head.weight.copy_(base.model.embed_tokens.weight)
        reference["tied_loss"] = losses_of(model).mean()
    save_file({name: value.contiguous() for name, value in reference.items()}, HERE / "tiny-llama-reference.safetensors")
    (HERE / "tiny-llama-reference.safetensors").chmod(0o644)
    print(f"loss {losses.mean().item():.6f}; {sum(p.numel() for p in trained.values())} trained numbers in {len(trained)} tensors")


if __name__ == "__main__":
    main()
