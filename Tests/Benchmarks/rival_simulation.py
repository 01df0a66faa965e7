"""A simulated round as one writes it by hand with PyTorch and PEFT: client after client on one resident model.

Usage: rival_simulation.py MODEL CLIENT.jsonl…

Each client trains r = 8 on query and value and the head for at most 10 steps of 16 texts, padded to the longest of the
batch and cut at 64 tokens, with AdamW at 1e-3, from the same adapter; afterwards the adapters are averaged. Prints
`pytorch-peft STEPS MILLISECONDS MEBIBYTES` of a warm round, with two threads.
"""

import json
import random
import resource
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import AutoModelForSequenceClassification, BertTokenizerFast

BATCH_SIZE, MOST_STEPS, LONGEST = 16, 10, 64


def train(model, tokenizer, rows, labels, seed):
    """One client's local epoch, at most ten steps of it."""
    random.Random(seed).shuffle(rows)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0)
    steps = 0
    for first in range(0, len(rows), BATCH_SIZE):
        if steps == MOST_STEPS:
            break
        batch = rows[first : first + BATCH_SIZE]
        inputs = tokenizer(
            [row["text"] for row in batch], padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        targets = torch.tensor([labels.index(row["label"]) for row in batch])
        model(**inputs, labels=targets).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        steps += 1
    return steps


def read(files):
    """The training rows of each file, and the names of all labels."""
    silos = [[json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()] for file in files]
    silos = [[row for row in rows if row.get("split") != "test"] for rows in silos]
    return silos, sorted({row["label"] for rows in silos for row in rows})


def load(folder, labels):
    """The base model with a fresh adapter, and its tokenizer."""
    tokenizer = BertTokenizerFast(vocab_file=f"{folder}/vocab.txt", do_lower_case=True)
    base = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(labels), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    model = get_peft_model(
        base,
        LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"], lora_dropout=0.0),
    )
    model.train()
    return model, tokenizer


def main():
    torch.set_num_threads(2)
    folder, files = sys.argv[1], sys.argv[2:]
    silos, labels = read(files)
    model, tokenizer = load(folder, labels)
    start = {name: value.clone() for name, value in get_peft_model_state_dict(model).items()}

    def work():
        steps, sums, total = 0, None, 0
        for seed, rows in enumerate(silos):
            set_peft_model_state_dict(model, start)
            steps += train(model, tokenizer, list(rows), labels, seed)
            state = get_peft_model_state_dict(model)
            scaled = {name: value.clone() * len(rows) for name, value in state.items()}
            sums = scaled if sums is None else {name: sums[name] + scaled[name] for name in sums}
            total += len(rows)
        return steps, {name: value / total for name, value in sums.items()}

    work()
    begun = time.perf_counter()
    steps, _ = work()
    milliseconds = 1e3 * (time.perf_counter() - begun)
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"pytorch-peft {steps} {milliseconds:.1f} {mebibytes:.0f}")


if __name__ == "__main__":
    main()
