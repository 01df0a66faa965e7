"""Makes the adapter that a job of another kind than LoRA starts from: `start.py KIND MODEL LABELS FOLDER`.

    python start.py ia3 ~/.cache/tributary/models/minilm 5 start

A job names the folder in `adapter: {start: FOLDER}`. Use the model, the kind and the settings that you would train with.
"""

import sys

import torch
from peft import FourierFTConfig, IA3Config, PromptTuningConfig, TaskType, VeraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification

TASK = {"task_type": TaskType.SEQ_CLS}
KINDS = {
    "ia3": IA3Config(
        **TASK, target_modules=["query", "key", "value", "output.dense"], feedforward_modules=["output.dense"]
    ),
    # Every silo makes the same projections from `projection_prng_key`, so they need not travel.
    "vera": VeraConfig(**TASK, r=64, target_modules=["query", "value"], save_projection=False),
    "fourierft": FourierFTConfig(**TASK, n_frequency=500, target_modules=["query", "value"]),
    "prompt": PromptTuningConfig(**TASK, num_virtual_tokens=8),
}


def main():
    kind, model, labels, folder = sys.argv[1:]
    torch.manual_seed(1)
    base = AutoModelForSequenceClassification.from_pretrained(model, num_labels=int(labels))
    get_peft_model(base, KINDS[kind]).save_pretrained(folder)


if __name__ == "__main__":
    main()
