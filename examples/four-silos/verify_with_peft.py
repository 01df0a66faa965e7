"""Compares the native evaluation's predictions with those of peft on the same adapter, text by text."""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

TIE = 1e-4
MAXIMUM_LENGTH = 64


def main(cache, output):
    base = AutoModelForSequenceClassification.from_pretrained(cache / "models/minilm", num_labels=5)
    model = PeftModel.from_pretrained(base, output / "adapter").eval()
    tokenizer = AutoTokenizer.from_pretrained(cache / "models/minilm")
    total = differing = ties = 0
    furthest = 0.0
    for silo in ["amazon", "movies", "nytimes", "tweets"]:
        rows = [json.loads(line) for line in (cache / f"data/vader/{silo}.jsonl").open(encoding="utf-8")]
        texts = [row["text"] for row in rows if row["split"] == "test"]
        native = [json.loads(line) for line in (output / f"predictions-{silo}.jsonl").open(encoding="utf-8")]
        if len(native) != len(texts):
            sys.exit(f"{silo}: {len(native)} native predictions for {len(texts)} held-out texts")
        for start in range(0, len(texts), 64):
            batch = tokenizer(
                texts[start : start + 64], padding=True, truncation=True, max_length=MAXIMUM_LENGTH, return_tensors="pt"
            )
            with torch.no_grad():
                logits = model(**batch).logits
            for row, prediction in zip(logits, native[start : start + 64]):
                total += 1
                furthest = max(furthest, (row - torch.tensor(prediction["logits"])).abs().max().item())
                if int(row.argmax()) != prediction["prediction"]:
                    differing += 1
                    best = row.sort(descending=True).values
                    ties += (best[0] - best[1]).item() < TIE
    print(f"{total} held-out texts, {total - differing} equal predictions, {differing} different, of which {ties} ties")
    print(f"largest difference of a logit: {furthest:.2e}")
    if differing != ties:
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
