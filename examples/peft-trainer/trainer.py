"""Trains for a silo with transformers and PEFT: sequence classification and causal language modelling.

Run by fed-client: --trainer 'venv/bin/python trainer.py [--four-bit] [--dtype bfloat16] [--device cuda]'. The page
README.md tells how to put a training script of your own in its place.
"""

import argparse
import math
import random
import time

import torch
from torch.nn.functional import cross_entropy
from transformers.utils import logging

import data
from base import Base
from contract import serve
from corrections import Corrections

IGNORED = -100
EVALUATION_BATCH = 32


class PEFTTrainer:
    """Trains and evaluates adapters of one base model, which stays in memory from round to round."""

    threads = 1

    def __init__(self, options):
        self.options = options
        self._loaded = None
        self._base = None
        self._data = None

    # What the contract asks for

    def train(self, request, report):
        began = time.monotonic()
        base, (rows, _) = self._prepare(request, report)
        settings = request["training"]
        torch.manual_seed(request["seed"])
        examples = self._encode(rows, request, settings["max_length"])
        base.fold(request.get("residual"))
        model = base.adapted(request["adapter"], is_trainable=True)
        try:
            parameters = self._trained(model, request["trained"])
            optimizer = self._optimizer(parameters, settings)
            corrections = Corrections(request, parameters)
            batches = self._batches(len(examples), settings, random.Random(request["seed"]))
            losses = []
            model.train()
            for step, batch in enumerate(batches):
                loss = self._loss(model, [examples[index] for index in batch], request)
                loss.backward()
                corrections.add()
                if "max_grad_norm" in settings:
                    torch.nn.utils.clip_grad_norm_(parameters.values(), settings["max_grad_norm"])
                factor = self._schedule(settings, request["job"], step / len(batches))
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * factor
                optimizer.step()
                optimizer.zero_grad()
                losses.append(loss.item())
                report.progress(step + 1, len(batches), losses[-1])
            model.save_pretrained(request["result"], save_embedding_layers=False)
        finally:
            base.unload(model)
        return (
            len(rows),
            len(losses),
            {"loss": sum(losses) / len(losses), "final_loss": losses[-1], "seconds": time.monotonic() - began},
        )

    @torch.no_grad()
    def evaluate(self, request, report):
        base, (_, rows) = self._prepare(request, report)
        sample = request.get("sample")
        if sample is not None and sample < len(rows):
            rows = random.Random(request["seed"]).sample(rows, sample)
        examples = self._encode(rows, request, request["max_length"])
        examples.sort(key=lambda example: len(example["input_ids"]))
        base.fold(request.get("residual"))
        model = base.adapted(request["adapter"], is_trainable=False)
        try:
            model.eval()
            loss, count, guesses = 0.0, 0, []
            for start in range(0, len(examples), EVALUATION_BATCH):
                batch = examples[start : start + EVALUATION_BATCH]
                logits, targets = self._outputs(model, batch, request)
                loss += cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum").item()
                count += int((targets != IGNORED).sum())
                if request["task"] == "sequence-classification":
                    guesses += zip(logits.argmax(-1).tolist(), targets.tolist())
                report.progress(start + len(batch), len(examples))
        finally:
            base.unload(model)
        if count == 0:
            return 0, {}
        if request["task"] == "causal-lm":
            return count, {"loss": loss / count, "perplexity": math.exp(min(loss / count, 700))}
        right = sum(guess == target for guess, target in guesses)
        return count, {"loss": loss / count, "accuracy": right / count, "macro_f1": self._macro_f1(guesses)}

    # Steps

    def _prepare(self, request, report):
        """Returns the base model and the rows to train on and to judge, loading what is not there yet."""
        torch.set_num_threads(self.threads)
        wanted = (request["model"]["path"], request["task"], tuple(request["labels"]))
        if self._loaded != wanted:
            report.progress(0, 1)
            # The old one goes first: a machine that has room for one need not have it for two.
            self._base = None
            self._base = Base(request["model"]["path"], request["task"], request["labels"], self.options)
            self._loaded = wanted
        if self._data is None or self._data[0] != request["data"]:
            self._data = (request["data"], data.split(data.read(request["data"])))
        return self._base, self._data[1]

    def _encode(self, rows, request, length):
        """Turns rows into token ids and targets: a class, or the next tokens."""
        tokenizer = self._base.tokenizer
        if request["task"] == "sequence-classification":
            ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=length)["input_ids"]
            return [
                {"input_ids": text, "target": data.label(row, request["labels"])} for text, row in zip(ids, rows)
            ]
        return [self._chat(row, tokenizer, length) for row in rows]

    def _chat(self, row, tokenizer, length):
        """Turns `messages` into a conversation by the model's chat template, and a `text` into itself.

        Of a conversation only the last answer is learned, given everything before it.
        """
        if "messages" not in row:
            ids = tokenizer(row["text"], truncation=True, max_length=length)["input_ids"]
            return {"input_ids": ids, "target": list(ids)}
        question = tokenizer.apply_chat_template(
            row["messages"][:-1], add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        ids = tokenizer.apply_chat_template(row["messages"], tokenize=True, return_dict=True)["input_ids"]
        target = [IGNORED] * len(question) + ids[len(question) :]
        return {"input_ids": ids[:length], "target": target[:length]}

    def _outputs(self, model, batch, request):
        """Returns logits, one row a target, and targets."""
        device = self.options.device
        width = max(len(example["input_ids"]) for example in batch)
        padding = self._base.tokenizer.pad_token_id

        def padded(values, filler):
            return torch.tensor([list(value) + [filler] * (width - len(value)) for value in values], device=device)

        ids = padded([example["input_ids"] for example in batch], padding)
        mask = padded([[1] * len(example["input_ids"]) for example in batch], 0)
        logits = model(input_ids=ids, attention_mask=mask).logits.float()
        if request["task"] == "sequence-classification":
            return logits, torch.tensor([example["target"] for example in batch], device=device)
        targets = padded([example["target"] for example in batch], IGNORED)
        # A prompt that is trained stands in front of the texts.
        logits = logits[:, -width:]
        return logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten()

    def _loss(self, model, batch, request):
        logits, targets = self._outputs(model, batch, request)
        return cross_entropy(logits, targets, ignore_index=IGNORED)

    @staticmethod
    def _trained(model, trained):
        """Returns the parameters that are trained, by name, and freezes the others."""
        frozen = {"both": "", "a": ".lora_B.", "b": ".lora_A."}[trained]
        for name, parameter in model.named_parameters():
            if frozen and frozen in name:
                parameter.requires_grad_(False)
        return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}

    @staticmethod
    def _optimizer(parameters, settings):
        rate, ratio = settings["learning_rate"], settings["loraplus_lr_ratio"]
        factors = [parameter for name, parameter in parameters.items() if ".lora_B." in name]
        others = [parameter for name, parameter in parameters.items() if ".lora_B." not in name]
        groups = [
            {"params": group, "lr": speed, "initial_lr": speed}
            for group, speed in ((others, rate), (factors, rate * ratio))
            if group
        ]
        if settings["optimizer"] == "adamw":
            return torch.optim.AdamW(groups, lr=rate, weight_decay=settings["weight_decay"])
        return torch.optim.SGD(groups, lr=rate, momentum=settings["momentum"], weight_decay=settings["weight_decay"])

    @staticmethod
    def _batches(count, settings, generator):
        """Returns the rows of every step: each epoch goes through all of them in a new order."""
        batches = []
        for _ in range(settings["epochs"]):
            order = generator.sample(range(count), count)
            batches += [order[start : start + settings["batch_size"]] for start in range(0, count, settings["batch_size"])]
        return batches[: settings.get("max_steps")]

    @staticmethod
    def _schedule(settings, job, share_of_round):
        """By what the learning rate is multiplied: the schedules run over all rounds of the job."""
        progress = min((job["round"] - 1 + share_of_round) / job["rounds"], 1)
        warmup = settings["warmup_ratio"]
        if progress < warmup:
            return progress / warmup
        fall = (progress - warmup) / (1 - warmup)
        return {"constant": 1, "linear": 1 - fall, "cosine": 0.5 * (1 + math.cos(math.pi * fall))}[
            settings["lr_scheduler_type"]
        ]

    @staticmethod
    def _macro_f1(guesses):
        """The mean of F1 over the classes that occur."""
        classes = {label for pair in guesses for label in pair}
        scores = []
        for label in classes:
            both = sum(guess == target == label for guess, target in guesses)
            scores.append(2 * both / sum((guess == label) + (target == label) for guess, target in guesses))
        return sum(scores) / len(scores)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--four-bit", action="store_true", help="load the base model in 4 bits; needs bitsandbytes and a GPU")
    options = parser.parse_args()
    options.dtype = getattr(torch, options.dtype)
    logging.disable_progress_bar()
    serve(
        PEFTTrainer(options),
        name="peft-trainer",
        tasks=["sequence-classification", "causal-lm"],
        features=[
            "frozen-factors",
            "residual",
            "control-variates",
            "proximal",
            "lora-plus",
            "rank-pruning",
            "adapter-kinds",
        ],
    )


if __name__ == "__main__":
    main()
