"""Writes minilm-logits.jsonl: what PyTorch and PEFT say of 32 real texts with MiniLM and an adapter made by a formula.

Usage: python make_minilm_fixture.py CACHE, where CACHE is the folder that examples/four-silos/fetch.py fills.
The texts are from the VADER ground truth (Hutto & Gilbert, 2014; MIT).
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, BertForSequenceClassification

SILOS = ["amazon", "movies", "nytimes", "tweets"]
RANK, ALPHA, LABELS, MAXIMUM_LENGTH = 4, 8, 5, 64


def wave(function, shape, row, column, phase, size):
    rows, columns = np.indices(shape, dtype=np.float64)
    return torch.tensor((size * function(row * rows + column * columns + phase)).astype(np.float32))


def main(cache):
    base = BertForSequenceClassification.from_pretrained(cache / "models/minilm", num_labels=LABELS)
    model = get_peft_model(base, LoraConfig(
        task_type="SEQ_CLS", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=["query", "value"])).eval()
    parameters = dict(model.named_parameters())
    adapted = sorted(name for name in parameters if "lora_A" in name)
    for number, name in enumerate(adapted):
        a, b = parameters[name], parameters[name.replace("lora_A", "lora_B")]
        a.data.copy_(wave(np.sin, a.shape, 0.7, 0.31, number, 0.05))
        b.data.copy_(wave(np.cos, b.shape, 0.13, 0.9, number, 0.05))
    for name, parameter in parameters.items():
        if name.endswith("classifier.modules_to_save.default.weight"):
            parameter.data.copy_(wave(np.sin, parameter.shape, 0.5, 0.11, 0, 0.3))
        elif name.endswith("classifier.modules_to_save.default.bias"):
            parameter.data.copy_(torch.arange(LABELS) * 0.1)

    tokenizer = AutoTokenizer.from_pretrained(cache / "models/minilm")
    with (Path(__file__).parent / "minilm-logits.jsonl").open("w") as out:
        for silo in SILOS:
            rows = (cache / f"data/vader/{silo}.jsonl").open(encoding="utf-8").readlines()
            for row in rows[:: len(rows) // 8][:8]:
                text = json.loads(row)["text"]
                ids = tokenizer(text, truncation=True, max_length=MAXIMUM_LENGTH, return_tensors="pt").input_ids
                with torch.no_grad():
                    logits = model(input_ids=ids).logits[0].tolist()
                out.write(json.dumps({"text": text, "logits": [round(value, 6) for value in logits]}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
