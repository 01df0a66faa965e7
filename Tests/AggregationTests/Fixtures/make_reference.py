"""Writes reference.json: random cohorts, combined in float64 with NumPy by the papers' formulas and dense matrices.

Run with NumPy from this folder: python3 make_reference.py
Factors are multiples of 1/64, which 32-bit floats hold exactly. Results are float64, rounded to nine digits.

Conventions. A module stands for the change s*B*A of its layer (s*B*R*A with a core R), s = alpha/r or alpha/sqrt(r).
Strategies that combine factors bring B to the global scale first: B_i * s_i/s, which leaves every client's product as
it is. Weights are w_i = n_i / sum n. A client of rank r_i starts from the first r_i components of the global adapter.
"""

import json

import numpy as np

EVERYWHERE = ["flexlora-state", "flexlora-delta", "hetlora", "flora", "rbla", "raflora"]
EQUAL_RANKS = EVERYWHERE + ["fedavg", "fedex-lora", "fedsa-lora", "lora-fair", "lora-fair-0.5"]


# Modules ---------------------------------------------------------------------------------------------------------------

def scaling(module):
    rank = module["a"].shape[0]
    return module["alpha"] / (np.sqrt(rank) if module["rslora"] else rank)


def product(module):
    core = module["core"] if module["core"] is not None else np.eye(module["a"].shape[0])
    return scaling(module) * module["b"] @ core @ module["a"]


def downloaded(module, rank):
    """What a client of this rank starts from, as a product: the first components."""
    return scaling(module) * module["b"][:, :rank] @ module["a"][:rank]


def changed(module, **parts):
    return {**module, **parts}


def svd(matrix):
    """The thin SVD with the sign rule: the element of largest magnitude in every column of U is positive."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])])
    return u * signs, s, vt * signs[:, None]


def cut(matrix, rank):
    u, s, vt = svd(matrix)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def at_global_scale(start, modules):
    return [scaling(m) / scaling(start) * m["b"] for m in modules]


def padded_columns(b, rank):
    return np.hstack([b, np.zeros((b.shape[0], rank - b.shape[1]))])


def padded_rows(a, rank):
    return np.vstack([a, np.zeros((rank - a.shape[0], a.shape[1]))])


def mean(weights, matrices):
    return sum(w * m for w, m in zip(weights, matrices))


# Strategies: (start, modules, weights) -> what is expected of the next global module -------------------------------------
# "module": its factors; "total": the product it must have where the factors are free; "residual": for the base model.

def fedavg(start, modules, weights):
    b = mean(weights, at_global_scale(start, modules))
    return {"module": changed(start, a=mean(weights, [m["a"] for m in modules]), b=b)}


def flexlora_state(start, modules, weights):
    return {"total": mean(weights, [product(m) for m in modules])}


def flexlora_delta(start, modules, weights):
    changes = [product(m) - downloaded(start, m["a"].shape[0]) for m in modules]
    return {"total": product(start) + mean(weights, changes)}


def hetlora(start, modules, weights):
    norms = np.array([np.linalg.norm(product(m)) for m in modules])
    rank = start["a"].shape[0]
    shares = norms / norms.sum()
    a = mean(shares, [padded_rows(m["a"], rank) for m in modules])
    b = mean(shares, [padded_columns(b, rank) for b in at_global_scale(start, modules)])
    # Unlike in the paper, what nobody holds stays.
    held = max(m["a"].shape[0] for m in modules)
    a[held:], b[:, held:] = start["a"][held:], start["b"][:, held:]
    return {"module": changed(start, a=a, b=b)}


def flora(start, modules, weights):
    """The paper stacks what clients trained from B = 0. What an earlier B != 0 left untrained goes to the base too."""
    stacked_b = np.hstack([m["b"] for m in modules])
    stacked_a = np.vstack([w * scaling(m) * m["a"] for w, m in zip(weights, modules)])
    untrained = product(start) - mean(weights, [downloaded(start, m["a"].shape[0]) for m in modules])
    return {"total": np.zeros((start["b"].shape[0], start["a"].shape[1])), "residual": stacked_b @ stacked_a + untrained}


def fedex_lora(start, modules, weights):
    averaged = fedavg(start, modules, weights)["module"]
    return {"module": averaged, "residual": mean(weights, [product(m) for m in modules]) - product(averaged)}


def fedsa_lora(start, modules, weights):
    return {"module": changed(start, a=mean(weights, [m["a"] for m in modules]))}


def ffa_lora(start, modules, weights):
    assert all((m["a"] == start["a"]).all() for m in modules)
    return {"module": changed(start, b=mean(weights, at_global_scale(start, modules)))}


def rolora_odd(start, modules, weights):
    return ffa_lora(start, modules, weights)


def rolora_even(start, modules, weights):
    assert all((m["b"] == start["b"]).all() for m in modules)
    return {"module": changed(start, a=mean(weights, [scaling(m) / scaling(start) * m["a"] for m in modules]))}


def fedsvd(start, modules, weights):
    b = ffa_lora(start, modules, weights)["module"]["b"]
    u, s, vt = svd(b @ start["a"])
    rank = start["a"].shape[0]
    return {"module": changed(start, a=vt[:rank], b=u[:, :rank] * s[:rank])}


def lora_fair(start, modules, weights, penalty=0.01):
    """min over D of ||W - (B + D) A||^2 + penalty ||D||^2, as one least-squares problem for D transposed."""
    averaged = fedavg(start, modules, weights)["module"]
    a, b = averaged["a"], averaged["b"]
    target = mean(weights, [product(m) for m in modules]) / scaling(start)
    rank = a.shape[0]
    system = np.vstack([a.T, np.sqrt(penalty) * np.eye(rank)])
    wanted = np.vstack([(target - b @ a).T, np.zeros((rank, b.shape[0]))])
    correction = np.linalg.lstsq(system, wanted, rcond=None)[0].T
    return {"module": changed(averaged, b=b + correction)}


def rbla(start, modules, weights):
    a, b = start["a"].copy(), start["b"].copy()
    scaled = at_global_scale(start, modules)
    for j in range(a.shape[0]):
        owners = [i for i, m in enumerate(modules) if m["a"].shape[0] > j]
        if owners:
            total = sum(weights[i] for i in owners)
            a[j] = sum(weights[i] * modules[i]["a"][j] for i in owners) / total
            b[:, j] = sum(weights[i] * scaled[i][:, j] for i in owners) / total
    return {"module": changed(start, a=a, b=b)}


def raflora(start, modules, weights):
    ranks = sorted({m["a"].shape[0] for m in modules})
    # What nobody was sent stays.
    total = product(start) - downloaded(start, ranks[-1])
    for low, high in zip([0] + ranks, ranks):
        owners = [i for i, m in enumerate(modules) if m["a"].shape[0] >= high]
        share = sum(weights[i] for i in owners)
        for i in owners:
            m = modules[i]
            total = total + weights[i] / share * scaling(m) * m["b"][:, low:high] @ m["a"][low:high]
    return {"total": total}


def fed_sb(start, modules, weights):
    assert all((m["a"] == start["a"]).all() and (m["b"] == start["b"]).all() for m in modules)
    cores = [scaling(m) / scaling(start) * m["core"] for m in modules]
    return {"module": changed(start, core=mean(weights, cores))}


STRATEGIES = {
    "fedavg": fedavg, "flexlora-state": flexlora_state, "flexlora-delta": flexlora_delta, "hetlora": hetlora,
    "flora": flora, "fedex-lora": fedex_lora, "fedsa-lora": fedsa_lora, "ffa-lora": ffa_lora,
    "rolora-odd": rolora_odd, "rolora-even": rolora_even, "fedsvd": fedsvd, "lora-fair": lora_fair,
    "lora-fair-0.5": lambda *given: lora_fair(*given, penalty=0.5), "rbla": rbla, "raflora": raflora, "fed-sb": fed_sb,
}
TAKES_MIXED_RANKS = set(EVERYWHERE)


# Cases -----------------------------------------------------------------------------------------------------------------

def numbers(matrix):
    return [float(f"{x:.9g}") for x in np.asarray(matrix).ravel()]


def expectation(strategy, start, modules, weights):
    outcome = STRATEGIES[strategy](start, modules, weights)
    rank = start["a"].shape[0]
    ranks = sorted({1, max(1, rank // 2), rank}) if strategy in TAKES_MIXED_RANKS else [rank]
    expected = {}
    if "module" in outcome:
        module = outcome["module"]
        for name in ("a", "b", "core"):
            if module[name] is not None and module[name] is not start[name]:
                expected[name] = numbers(module[name])
        if module["core"] is not None:
            expected["products"] = {str(rank): numbers(product(module))}
        else:
            expected["products"] = {str(r): numbers(downloaded(module, r)) for r in ranks}
    else:
        expected["products"] = {str(r): numbers(cut(outcome["total"], r)) for r in ranks}
    if "residual" in outcome:
        expected["residual"] = numbers(outcome["residual"])
    return expected


def random_matrix(generator, rows, columns):
    return np.round(64 * generator.standard_normal((rows, columns))) / 64


def random_module(generator, rows, columns, rank, alpha, rslora, core=False):
    return {
        "a": random_matrix(generator, rank, columns),
        "b": random_matrix(generator, rows, rank),
        "core": random_matrix(generator, rank, rank) if core else None,
        "alpha": alpha,
        "rslora": rslora,
    }


def written(module):
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in module.items()
        if value is not None
    }


def make_case(name, seed, shapes, rank, client_ranks, strategies, alpha=16.0, rslora=False, client_alphas=None,
              frozen=(), core=False, blank=False):
    generator = np.random.default_rng(seed)
    start = {p: random_module(generator, d, k, rank, alpha, rslora, core) for p, (d, k) in shapes.items()}
    if blank:
        for module in start.values():
            module["b"] = np.zeros_like(module["b"])
    head = random_matrix(generator, 1, 4)[0]
    updates = []
    for index, client_rank in enumerate(client_ranks):
        client_alpha = client_alphas[index] if client_alphas else alpha
        modules = {}
        for path, (d, k) in shapes.items():
            modules[path] = random_module(generator, d, k, client_rank, client_alpha, rslora, core)
            for factor in frozen:
                modules[path][factor] = start[path][factor]
        updates.append({
            "client": f"silo-{index}",
            "weight": float(generator.integers(1, 500)),
            "modules": modules,
            "head": random_matrix(generator, 1, 4)[0],
        })
    weights = np.array([update["weight"] for update in updates])
    weights = weights / weights.sum()
    expected = {
        strategy: {
            path: expectation(strategy, start[path], [u["modules"][path] for u in updates], weights) for path in shapes
        }
        for strategy in strategies
    }
    return {
        "name": name,
        "start": {"modules": {p: written(m) for p, m in start.items()}, "head": head.tolist()},
        "updates": [
            {**u, "modules": {p: written(m) for p, m in u["modules"].items()}, "head": u["head"].tolist()}
            for u in updates
        ],
        "expected": expected,
        "expectedHead": numbers(mean(weights, [u["head"] for u in updates])),
    }


FIXED_A = ["ffa-lora", "fedsvd", "rolora-odd", "fedavg", "flexlora-state"]

CASES = [
    make_case("equal ranks", 1, {"q": (9, 7), "v": (5, 8)}, 3, [3, 3, 3], EQUAL_RANKS),
    make_case("mixed ranks", 2, {"q": (11, 9), "v": (8, 10)}, 8, [1, 2, 4, 8, 4], EVERYWHERE),
    make_case("rank-stabilised", 3, {"q": (9, 10)}, 6, [2, 6, 3], EVERYWHERE, rslora=True),
    make_case("an alpha for each client", 4, {"q": (8, 8)}, 4, [4, 4, 4], EQUAL_RANKS, client_alphas=[4.0, 8.0, 32.0]),
    make_case("mixed ranks, an alpha for each client", 5, {"q": (7, 9)}, 4, [1, 4, 2], EVERYWHERE,
              client_alphas=[1.0, 24.0, 8.0]),
    make_case("wider stacks than layers", 6, {"q": (4, 6), "v": (6, 3)}, 4, [4, 4, 2, 4, 3, 4], EVERYWHERE),
    make_case("nobody at the global rank", 7, {"q": (8, 7)}, 6, [2, 4, 2], EVERYWHERE),
    make_case("from B = 0, mixed ranks", 8, {"q": (7, 8)}, 5, [5, 2, 3], EVERYWHERE, blank=True),
    make_case("A fixed", 9, {"q": (9, 7), "v": (5, 8)}, 3, [3, 3, 3], FIXED_A, frozen=("a",)),
    make_case("A fixed, rank-stabilised, an alpha for each client", 10, {"q": (6, 9)}, 4, [4, 4, 4, 4], FIXED_A,
              rslora=True, client_alphas=[2.0, 16.0, 5.0, 9.0], frozen=("a",)),
    make_case("B fixed", 11, {"q": (9, 7), "v": (5, 8)}, 3, [3, 3, 3], ["rolora-even", "flexlora-state"], frozen=("b",)),
    make_case("B fixed, an alpha for each client", 12, {"q": (6, 9)}, 4, [4, 4, 4], ["rolora-even", "flexlora-state"],
              client_alphas=[2.0, 16.0, 5.0], frozen=("b",)),
    make_case("A and B fixed", 13, {"q": (9, 7), "v": (5, 8)}, 3, [3, 3, 3], ["fed-sb"], frozen=("a", "b"), core=True),
    make_case("A and B fixed, rank-stabilised, an alpha for each client", 14, {"q": (7, 6)}, 4, [4, 4, 4], ["fed-sb"],
              rslora=True, client_alphas=[2.0, 16.0, 5.0], frozen=("a", "b"), core=True),
]

with open("reference.json", "w") as file:
    json.dump({"cases": CASES}, file, separators=(",", ":"))
    file.write("\n")
