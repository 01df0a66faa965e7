"""The native trainer's rival: LoRA steps of PyTorch and PEFT on the same texts.

Usage: rival_training.py MODEL DATA LABELS BATCH LENGTH STEPS [pad] [private]

MODEL is a Hugging Face directory, DATA a file of JSON lines with a text's token ids as `ids` and the place of its label as
`label`, LABELS how many labels there are, or 0 for a decoder that learns the next tokens. Takes the texts in their order,
BATCH a step, cuts them to LENGTH tokens and pads each batch to its longest text, or to LENGTH with `pad`. With `private`,
Opacus clips each text's gradient and adds noise. r = 8 on query and value, float32, no dropout, AdamW, two threads.
Prints the median milliseconds of a step, after three that do not count.
"""

import json
import statistics
import sys
import time

THREADS = 2


def main():
    model_path, data, labels, size, length, steps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
    pads, is_private = "pad" in sys.argv[7:], "private" in sys.argv[7:]
    try:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, BertForSequenceClassification
        if is_private:
            from opacus import GradSampleModule
            from opacus.optimizers import DPOptimizer
    except ImportError:
        return
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    if labels:
        base = BertForSequenceClassification.from_pretrained(
            model_path, num_labels=labels, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        kind, targets = "SEQ_CLS", ["query", "value"]
    else:
        base = AutoModelForCausalLM.from_pretrained(model_path, torch_dtype=torch.float32)
        kind, targets = "CAUSAL_LM", ["q_proj", "v_proj"]
    model = get_peft_model(base, LoraConfig(
        task_type=kind, r=8, lora_alpha=16, lora_dropout=0.0, target_modules=targets))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    if is_private:
        model = GradSampleModule(model, strict=False)
        optimizer = DPOptimizer(optimizer, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=size)
    rows = [json.loads(line) for line in open(data)]
    times = []
    for step in range(steps + 3):
        batch = [rows[(step * size + index) % len(rows)] for index in range(size)]
        ids = [row["ids"][:length - 1] + row["ids"][-1:] if len(row["ids"]) > length else row["ids"] for row in batch]
        width = length if pads else max(map(len, ids))
        inputs = torch.tensor([each + [0] * (width - len(each)) for each in ids])
        mask = torch.tensor([[1] * len(each) + [0] * (width - len(each)) for each in ids])
        targets = torch.tensor([row["label"] for row in batch]) if labels else inputs.masked_fill(mask == 0, -100)
        start = time.perf_counter()
        model(input_ids=inputs, attention_mask=mask, labels=targets).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    print("Opacus" if is_private else "PyTorch", 1e3 * statistics.median(times[3:]), flush=True)


if __name__ == "__main__":
    main()
