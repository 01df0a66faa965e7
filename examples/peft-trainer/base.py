"""Loads a base model once, and puts adapters on it."""

import json
from pathlib import Path

import torch
from peft import (
    PeftConfig,
    PeftModel,
    get_peft_model,
    load_peft_weights,
    prepare_model_for_kbit_training,
    set_peft_model_state_dict,
)
from peft.utils import ModulesToSaveWrapper
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
)

from contract import Failure
from corrections import PREFIX


class Base:
    """A base model in memory, with its tokenizer."""

    def __init__(self, path, task, labels, options):
        self.device = options.device
        self._is_quantized = options.four_bit
        config = AutoConfig.from_pretrained(path)
        # The job decides about dropout, with `lora_dropout`.
        for key, value in config.to_dict().items():
            if key.endswith(("dropout", "dropout_prob", "pdrop")) and isinstance(value, float):
                setattr(config, key, 0.0)
        arguments = {"config": config, "dtype": options.dtype}
        if options.four_bit:
            arguments["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=options.dtype
            )
            arguments["device_map"] = {"": options.device}
        if task == "causal-lm":
            self.model = AutoModelForCausalLM.from_pretrained(path, **arguments)
        else:
            config.num_labels = len(labels)
            self.model = AutoModelForSequenceClassification.from_pretrained(path, **arguments)
        if options.four_bit:
            self.model = prepare_model_for_kbit_training(self.model)
        else:
            self.model.to(options.device)
        self.model.requires_grad_(False)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.config.pad_token_id = self.tokenizer.pad_token_id
        # The weights that a residual has changed, as they were.
        self._originals = {}

    def adapted(self, folder, is_trainable):
        """Returns the model with the adapter in `folder`; `unload` it before the next one."""
        config = PeftConfig.from_pretrained(folder)
        if not config.modules_to_save and config.task_type == "SEQ_CLS":
            # For a classification PEFT would train a head that nobody has handed out.
            config.task_type = None
        if is_trainable and config.is_prompt_learning:
            # `from_pretrained` opens prompts for inference alone.
            config.inference_mode, config.prompt_tuning_init = False, "RANDOM"
            adapted = get_peft_model(self.model, config)
            set_peft_model_state_dict(adapted, load_peft_weights(folder, device=self.device))
            return adapted
        return PeftModel.from_pretrained(self.model, folder, config=config, is_trainable=is_trainable)

    def unload(self, adapted):
        if adapted.active_peft_config.is_prompt_learning:
            # A prompt stands before the model and not in it; a head that is trained with it has a wrapper.
            self.model = adapted.get_base_model()
            for path, module in list(self.model.named_modules()):
                if isinstance(module, ModulesToSaveWrapper):
                    self.model.set_submodule(path, module.original_module)
        else:
            self.model = adapted.unload()
        self.model.requires_grad_(False)

    @torch.no_grad()
    def fold(self, folder):
        """Adds the products of a residual to the weights, in place of those of the one before."""
        if folder is None and not self._originals:
            return
        if self._is_quantized:
            raise Failure("the job changes the base model's weights, and these are quantized; run without --four-bit")
        for path, original in self._originals.items():
            self.model.get_submodule(path).weight.copy_(original)
        self._originals = {}
        if folder is None:
            return
        tensors = load_file(Path(folder) / "adapter_model.safetensors")
        for name, a in tensors.items():
            if not name.endswith(".lora_A.weight"):
                continue
            path = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            weight = self.model.get_submodule(path).weight
            self._originals[path] = weight.detach().clone()
            product = tensors[name.replace("lora_A", "lora_B")] @ a
            weight.add_(product.to(weight.device, weight.dtype))


def rank(folder):
    """The rank of the adapter in `folder`."""
    return json.loads((Path(folder) / "adapter_config.json").read_text(encoding="utf-8"))["r"]
