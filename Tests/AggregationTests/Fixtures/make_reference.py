"""Writes reference.json: random cohorts of mixed ranks, combined in float64 with NumPy by the papers' formulas.

Run with NumPy from this folder: python3 make_reference.py
Inputs are float32 values printed exactly; products are float64, rounded to nine digits.
"""

import json

import numpy as np


def scaling(module):
    rank = module["a"].shape[0]
    return module["alpha"] / (np.sqrt(rank) if module["rslora"] else rank)


def product(module):
    return scaling(module) * module["b"].astype(np.float64) @ module["a"].astype(np.float64)


def cut(matrix, rank):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def downloaded(module, rank):
    """What a client of this rank holds after the download, as a product: the first components."""
    return scaling(module) * module["b"][:, :rank].astype(np.float64) @ module["a"][:rank].astype(np.float64)


def combine(strategy, path, start, updates):
    total = sum(update["weight"] for update in updates)
    weights = [update["weight"] / total for update in updates]
    modules = [update["modules"][path] for update in updates]
    if strategy == "fedavg":
        ratio = [scaling(m) / scaling(start) for m in modules]
        b = sum(w * r * m["b"].astype(np.float64) for w, r, m in zip(weights, ratio, modules))
        a = sum(w * m["a"].astype(np.float64) for w, m in zip(weights, modules))
        return scaling(start) * b @ a
    if strategy == "flexlora-state":
        return sum(w * product(m) for w, m in zip(weights, modules))
    change = sum(w * (product(m) - downloaded(start, m["a"].shape[0])) for w, m in zip(weights, modules))
    return product(start) + change


def random_module(generator, rows, columns, rank, alpha, rslora):
    return {
        "a": generator.standard_normal((rank, columns)).astype(np.float32),
        "b": generator.standard_normal((rows, rank)).astype(np.float32),
        "alpha": alpha,
        "rslora": rslora,
    }


def written(module):
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in module.items()}


def make_case(name, seed, shapes, rank, client_ranks, strategies, alpha=16.0, rslora=False, client_alphas=None):
    generator = np.random.default_rng(seed)
    start = {p: random_module(generator, d, k, rank, alpha, rslora) for p, (d, k) in shapes.items()}
    head = generator.standard_normal(4).astype(np.float32)
    updates = []
    for index, client_rank in enumerate(client_ranks):
        client_alpha = client_alphas[index] if client_alphas else alpha
        updates.append({
            "client": f"silo-{index}",
            "weight": float(generator.integers(1, 500)),
            "modules": {
                p: random_module(generator, d, k, client_rank, client_alpha, rslora) for p, (d, k) in shapes.items()
            },
            "head": generator.standard_normal(4).astype(np.float32),
        })
    total = sum(update["weight"] for update in updates)
    expected = {}
    for strategy in strategies:
        results = {}
        for path in shapes:
            matrix = combine(strategy, path, start[path], updates)
            ranks = {rank} if strategy == "fedavg" else {1, max(1, rank // 2), rank}
            results[path] = {
                str(r): [float(f"{x:.9g}") for x in (matrix if strategy == "fedavg" else cut(matrix, r)).ravel()]
                for r in sorted(ranks)
            }
        expected[strategy] = results
    return {
        "name": name,
        "start": {"modules": {p: written(m) for p, m in start.items()}, "head": head.tolist()},
        "updates": [
            {**u, "modules": {p: written(m) for p, m in u["modules"].items()}, "head": u["head"].tolist()}
            for u in updates
        ],
        "expected": expected,
        "expectedHead": [float(x) for x in sum(u["weight"] / total * u["head"].astype(np.float64) for u in updates)],
    }


CASES = [
    make_case("equal ranks", 1, {"q": (9, 7), "v": (5, 8)}, 3, [3, 3, 3], ["fedavg", "flexlora-state", "flexlora-delta"]),
    make_case("mixed ranks", 2, {"q": (12, 10), "v": (8, 11)}, 8, [1, 2, 4, 8, 4], ["flexlora-state", "flexlora-delta"]),
    make_case("rank-stabilised", 3, {"q": (10, 12)}, 6, [2, 6, 3], ["flexlora-state", "flexlora-delta"], rslora=True),
    make_case("an alpha for each client", 4, {"q": (8, 8)}, 4, [4, 4, 4],
              ["fedavg", "flexlora-state", "flexlora-delta"], client_alphas=[4.0, 8.0, 32.0]),
    make_case("wider stacks than layers", 5, {"q": (4, 6), "v": (6, 3)}, 4, [4, 4, 2, 4, 3, 4],
              ["flexlora-state", "flexlora-delta"]),
]

with open("reference.json", "w") as file:
    json.dump({"cases": CASES}, file, separators=(",", ":"))
    file.write("\n")
