"""What a federation adds to the gradients of plain LoRA training: FedProx, SCAFFOLD and HetLoRA."""

from safetensors.torch import load_file

PREFIX = "base_model.model."


def saved_name(name):
    """Returns the name under which PEFT saves a parameter of the model in memory."""
    return name.replace(".modules_to_save.default.", ".").replace(".default.", ".")


class Corrections:
    """Adds to every gradient what the request asks for."""

    def __init__(self, request, parameters):
        """`parameters` maps the names of the trained parameters to them, at the start of the round."""
        self._parameters = parameters
        self._mu = request["training"]["proximal_mu"]
        self._start = {name: value.detach().clone() for name, value in parameters.items()} if self._mu else {}
        self._controls = {}
        if "controls" in request:
            controls = load_file(request["controls"])
            for name, value in parameters.items():
                self._controls[name] = controls[saved_name(name)].to(value.device, value.dtype)
        self._pruning = request.get("pruning")

    def add(self):
        for name, value in self._parameters.items():
            if self._mu:
                value.grad.add_(value.detach() - self._start[name], alpha=self._mu)
            if name in self._controls:
                value.grad.add_(self._controls[name])
        if self._pruning:
            self._penalize(self._pruning["penalty"], self._pruning["prefix"])

    def _penalize(self, penalty, prefix):
        """Adds the gradient of penalty·Σ‖B[:, prefix:]‖·‖A[prefix:, :]‖, which is zero where a norm is."""
        for name, a in self._parameters.items():
            if ".lora_A." not in name:
                continue
            b = self._parameters[name.replace(".lora_A.", ".lora_B.")]
            suffix_a, suffix_b = a.detach()[prefix:], b.detach()[:, prefix:]
            norm_a, norm_b = suffix_a.norm(), suffix_b.norm()
            if norm_a > 0 and norm_b > 0:
                a.grad[prefix:].add_(suffix_a * (penalty * norm_b / norm_a))
                b.grad[:, prefix:].add_(suffix_b * (penalty * norm_a / norm_b))
