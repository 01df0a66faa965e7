"""Writes tiny-bert/ and tiny-bert-reference.safetensors: a random BERT, and what PyTorch and PEFT compute with it.

Usage: python make_model_fixtures.py. The base model is a Hugging Face directory of two layers of width 32. The adapter
adapts all seven kinds of linear layers at different ranks, with B not zero. The reference holds the adapter, the
logits, the loss and every gradient of one mini-batch, and every parameter after a step of AdamW and two of SGD.
"""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

HERE = Path(__file__).parent
# Ragged lengths, a single token beside [CLS] and [SEP] among them; the ids are arbitrary.
TEXTS = [[2, 5, 9, 11, 40, 3], [2, 7, 3], [2] + list(range(10, 25)) + [3], [2, 33, 33, 58, 3], [2, 59, 4, 6, 8, 3]]
LABELS = [2, 0, 1, 1, 2]


def randomize(model):
    """Makes every parameter matter: the library's initial values leave the network almost linear."""
    for name, parameter in model.named_parameters():
        if "LayerNorm.weight" in name:
            parameter.data.uniform_(0.5, 1.5)
        elif parameter.dim() == 1:
            parameter.data.uniform_(-0.3, 0.3)
        else:
            parameter.data.normal_(0, 0.35 if "embeddings" not in name else 0.8)


def loss_of(model):
    """The mean loss over the batch, one text at a time: no padding, so no mask can hide a difference."""
    logits = torch.cat([model(input_ids=torch.tensor([text])).logits for text in TEXTS])
    return logits, torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS))


def main():
    torch.manual_seed(20)
    config = BertConfig(vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
                        max_position_embeddings=20, num_labels=3)
    base = BertForSequenceClassification(config)
    randomize(base)
    folder = HERE / "tiny-bert"
    shutil.rmtree(folder, ignore_errors=True)
    base.bert.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)

    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", *letters, *["##" + each for each in letters]]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    assert len(vocabulary) == config.vocab_size

    model = get_peft_model(base, LoraConfig(
        task_type="SEQ_CLS", r=3, lora_alpha=6, lora_dropout=0.0,
        target_modules=["query", "key", "value", "dense"],
        rank_pattern={"key": 2, "intermediate.dense": 4, "layer.1.attention.self.value": 1}, alpha_pattern={"key": 5}))
    for name, parameter in model.named_parameters():
        if "lora_" in name or "classifier" in name:
            parameter.data.normal_(0, 0.2)
    model.eval()
    trained = {name.replace("base_model.model.", "").replace(".default", "").replace("modules_to_save.", ""): parameter
               for name, parameter in model.named_parameters() if parameter.requires_grad}

    reference = {f"adapter.{name}": parameter.detach().clone() for name, parameter in trained.items()}
    logits, loss = loss_of(model)
    loss.backward()
    reference["logits"] = logits.detach()
    reference["loss"] = loss.detach()
    reference |= {f"gradient.{name}": parameter.grad.clone() for name, parameter in trained.items()}

    def steps(optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            loss_of(model)[1].backward()
            optimizer.step()
        result = {name: parameter.detach().clone() for name, parameter in trained.items()}
        for name, parameter in trained.items():
            parameter.data.copy_(reference[f"adapter.{name}"])
        return result

    adamw = steps(torch.optim.AdamW(trained.values(), lr=1e-2, weight_decay=0.1), 1)
    reference |= {f"adamw.{name}": value for name, value in adamw.items()}
    sgd = steps(torch.optim.SGD(trained.values(), lr=1e-2, momentum=0.9, weight_decay=0.1), 2)
    reference |= {f"sgd.{name}": value for name, value in sgd.items()}
    modules = {name: module for name, module in model.named_modules() if isinstance(getattr(module, "scaling", None), dict)}
    for name, module in modules.items():
        reference[f"scaling.{name.replace('base_model.model.', '')}"] = torch.tensor(module.scaling["default"])
    save_file({name: value.contiguous() for name, value in reference.items()}, HERE / "tiny-bert-reference.safetensors")
    (HERE / "tiny-bert-reference.safetensors").chmod(0o644)
    print(f"loss {loss.item():.6f}; {sum(p.numel() for p in trained.values())} trained numbers in {len(trained)} tensors")


if __name__ == "__main__":
    main()
