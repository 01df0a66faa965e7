"""Writes robust.json: robust rules, server optimizers and buffered asynchronous steps, in float64 with NumPy.

Run with NumPy from this folder: python3 make_robust_reference.py
Everything is computed by the papers' definitions on vectors and dense products that are written out: no Gram matrices, no
factored sums. Inputs are float32 values in as many digits as identify them; results are float64, rounded to ten digits.
"""

import json

import numpy as np


def written(value):
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return json.loads(json.dumps(value.tolist()), parse_float=lambda text: float(f"{float(text):.9g}"))
    if isinstance(value, (np.ndarray, np.floating, float)):
        array = np.asarray(value, dtype=np.float64)
        return json.loads(json.dumps(array.tolist()), parse_float=lambda text: float(f"{float(text):.10g}"))
    return value


# Robust rules on vectors x of shape (n, p).


def krum_scores(x, f, members):
    neighbours = min(max(len(members) - f - 2, 1), len(members) - 1)
    scores = []
    for i in members:
        distances = sorted(np.sum((x[i] - x[j]) ** 2) for j in members if j != i)
        scores.append(float(np.sum(distances[:neighbours])))
    return scores


def krum_weights(x, f, m):
    n = len(x)
    scores = krum_scores(x, f, range(n))
    order = sorted(range(n), key=lambda i: (scores[i], i))
    weights = np.zeros(n)
    weights[order[:m]] = 1 / m
    return weights


def bulyan_selection(x, f):
    left, selected = list(range(len(x))), []
    while len(selected) < len(x) - 2 * f:
        scores = krum_scores(x, f, left)
        selected.append(left.pop(int(np.argmin(scores))))
    return selected


def median(x):
    return np.median(x, axis=0)


def trimmed_mean(x, share):
    k = int(np.floor(share * len(x) + 1e-9))
    return np.sort(x, axis=0)[k : len(x) - k].mean(axis=0)


def nearest_to_median(x, count):
    middle = np.median(x, axis=0)
    result = np.empty(x.shape[1])
    for c in range(x.shape[1]):
        order = sorted(x[:, c], key=lambda v: (abs(v - middle[c]), v))
        result[c] = np.mean(order[:count])
    return result


def geometric_median(x, alpha, iterations=100, nu=1e-6):
    beta = alpha / alpha.sum()
    alpha = beta
    z = beta @ x
    distances = np.linalg.norm(z - x, axis=1)
    for _ in range(iterations):
        beta = alpha / np.maximum(nu, distances)
        beta /= beta.sum()
        z = beta @ x
        following = np.linalg.norm(z - x, axis=1)
        stands = np.all(np.abs(following - distances) <= 1e-6 * np.maximum(nu, following))
        distances = following
        if stands:
            break
    return beta


def norm_scales(x, bound):
    norms = np.linalg.norm(x, axis=1)
    bound = np.median(norms) if bound is None else bound
    return np.minimum(1, bound / norms)


def vector_case(generator, n, p, byzantine):
    x = generator.standard_normal((n, p)).astype(np.float32)
    for i in range(byzantine):
        x[i] *= np.float32(30 * (-1) ** i)
    generator.shuffle(x)
    weights = generator.integers(1, 200, n).astype(np.float64)
    d = x.astype(np.float64)
    case = {
        "vectors": x,
        "weights": weights.tolist(),
        "byzantine": byzantine,
        "median": median(d),
        "trimmed": trimmed_mean(d, 0.2),
        "scores": krum_scores(d, byzantine, range(n)),
        "krum": krum_weights(d, byzantine, 1),
        "multi_krum": krum_weights(d, byzantine, n - byzantine - 2),
        "geometric_median": geometric_median(d, weights, iterations=4),
        "converged_median": geometric_median(d, weights),
        "norm_median": norm_scales(d, None),
        "norm_fixed": norm_scales(d, 3.0),
    }
    if n >= 4 * byzantine + 3:
        selected = bulyan_selection(d, byzantine)
        case["bulyan_selection"] = selected
        case["bulyan"] = nearest_to_median(d[selected], len(selected) - 2 * byzantine)
    return case


# Adapters: dictionaries of modules and a head.


def scaling(module):
    return module["alpha"] / module["a"].shape[0]


def product(module):
    return scaling(module) * module["b"].astype(np.float64) @ module["a"].astype(np.float64)


def handed(module, rank):
    """What a client of this rank downloads: the first components, with the same product."""
    ratio = np.float32(rank / module["a"].shape[0])
    b = module["b"] if rank == module["a"].shape[0] else (module["b"][:, :rank] * ratio).astype(np.float32)
    return {"a": module["a"][:rank], "b": b, "alpha": module["alpha"]}


def cut(matrix, rank):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def random_module(generator, rows, columns, rank, alpha, scale=1.0):
    return {
        "a": (scale * generator.standard_normal((rank, columns))).astype(np.float32),
        "b": (scale * generator.standard_normal((rows, rank))).astype(np.float32),
        "alpha": alpha,
    }


def trained(generator, module, step):
    moved = dict(module)
    for key in ("a", "b"):
        moved[key] = (module[key] + step * generator.standard_normal(module[key].shape)).astype(np.float32)
    return moved


SHAPES = {"layer.0": (7, 5), "layer.1": (4, 6)}


def factor_change(module, start, whole):
    """A client's change of the factors at the global rank and scale, zero where it has no components."""
    rank = module["a"].shape[0]
    a, b = np.zeros(whole["a"].shape), np.zeros(whole["b"].shape)
    a[:rank] = module["a"].astype(np.float64) - start["a"].astype(np.float64)
    b[:, :rank] = (
        scaling(module) * module["b"].astype(np.float64) - scaling(start) * start["b"].astype(np.float64)
    ) / scaling(whole)
    return np.concatenate([a.ravel(), b.ravel()])


def product_change(module, start):
    return (product(module) - product(start)).ravel()


def cohort_case(name, seed, rank, client_ranks, byzantine, client_alphas=None):
    generator = np.random.default_rng(seed)
    start = {p: random_module(generator, d, k, rank, 6.0) for p, (d, k) in SHAPES.items()}
    head = generator.standard_normal(4).astype(np.float32)
    updates = []
    for index, client_rank in enumerate(client_ranks):
        step = 8.0 if index < byzantine else 0.3
        modules = {p: trained(generator, handed(start[p], client_rank), step) for p in SHAPES}
        if client_alphas:
            for module in modules.values():
                module["alpha"] = client_alphas[index]
        updates.append({
            "client": f"silo-{(index * 7) % len(client_ranks):02}",
            "weight": float(generator.integers(1, 100)),
            "modules": modules,
            "head": (head + step * generator.standard_normal(4)).astype(np.float32),
        })
    updates.sort(key=lambda update: update["client"])
    changes = {"factors": [], "products": []}
    for update in updates:
        parts = {"factors": [], "products": []}
        for p in SHAPES:
            module = update["modules"][p]
            begin = handed(start[p], module["a"].shape[0])
            parts["factors"].append(factor_change(module, begin, start[p]))
            parts["products"].append(product_change(module, begin))
        for space in parts:
            parts[space].append(update["head"].astype(np.float64) - head.astype(np.float64))
            changes[space].append(np.concatenate(parts[space]))
    case = {
        "name": name,
        "byzantine": byzantine,
        "start": {"modules": start, "head": head},
        "updates": updates,
        "inner_products": {space: np.array(x) @ np.array(x).T for space, x in changes.items()},
        "results": [],
    }
    total = sum(update["weight"] for update in updates)
    weights = np.array([update["weight"] / total for update in updates])
    equal = all(r == rank for r in client_ranks)
    n = len(updates)
    for space in ("factors", "products"):
        x = np.array(changes[space])
        verdicts = {
            "krum": ("weights", krum_weights(x, byzantine, 1)),
            "multi-krum": ("weights", krum_weights(x, byzantine, n - byzantine - 2)),
            "geometric-median": ("weights", geometric_median(x, weights)),
            "norm-bound": ("scales", norm_scales(x, None)),
        }
        if space == "factors" and equal:
            verdicts["median"] = ("coordinates", median)
            verdicts["trimmed-mean"] = ("coordinates", lambda values: trimmed_mean(values, 0.2))
            if n >= 4 * byzantine + 3:
                members = bulyan_selection(x, byzantine)
                count = len(members) - 2 * byzantine
                verdicts["bulyan"] = ("coordinates", lambda values: nearest_to_median(values[members], count))
        for rule, (kind, verdict) in verdicts.items():
            strategies = ["fedavg"] if space == "factors" else ["flexlora-state", "flexlora-delta"]
            for strategy in strategies:
                if strategy == "fedavg" and not equal:
                    continue
                case["results"].append({
                    "rule": rule,
                    "strategy": strategy,
                    "products": {
                        p: combined(strategy, p, start[p], updates, weights, kind, verdict).ravel() for p in SHAPES
                    },
                    "head": combined_values(
                        head, np.array([u["head"].astype(np.float64) for u in updates]), weights, kind, verdict
                    ),
                })
    return case


def combined_values(start, values, weights, kind, verdict):
    start = start.astype(np.float64).ravel()
    values = values.reshape(len(values), -1)
    if kind == "weights":
        return verdict @ values
    if kind == "scales":
        return weights @ (start + verdict[:, None] * (values - start))
    return verdict(values)


def combined(strategy, path, start, updates, weights, kind, verdict):
    modules = [update["modules"][path] for update in updates]
    if strategy == "fedavg":
        a = np.array([m["a"].astype(np.float64) for m in modules])
        b = np.array([scaling(m) / scaling(start) * m["b"].astype(np.float64) for m in modules])
        next_a = combined_values(start["a"], a, weights, kind, verdict).reshape(start["a"].shape)
        next_b = combined_values(start["b"], b, weights, kind, verdict).reshape(start["b"].shape)
        return scaling(start) * next_b @ next_a
    now = [product(m) for m in modules]
    before = [product(handed(start, m["a"].shape[0])) for m in modules]
    w, c = (verdict, np.ones(len(modules))) if kind == "weights" else (weights, verdict)
    moved = [b + ci * (x - b) for x, b, ci in zip(now, before, c)]
    if strategy == "flexlora-state":
        total = sum(wi * x for wi, x in zip(w, moved))
    else:
        total = product(start) + sum(wi * (x - b) for wi, x, b in zip(w, moved, before))
    return cut(total, start["a"].shape[0])


# Server optimizers.


def optimizer_step(name, x, aggregate, m, v, eta):
    d = aggregate - x
    if name == "fedavgm":
        m = 0.9 * m + d
        return x + eta * m, m, v
    beta1 = 0.0 if name == "fedadagrad" else 0.9
    m = beta1 * m + (1 - beta1) * d
    if name == "fedadagrad":
        v = v + d**2
    elif name == "fedyogi":
        v = v - 0.01 * d**2 * np.sign(v - d**2)
    else:
        v = 0.99 * v + 0.01 * d**2
    return x + eta * m / (np.sqrt(v) + 1e-3), m, v


def optimizer_case(name, seed):
    """Five steps; what clients move by does not depend on where the optimizer went, so rounding does not build up."""
    generator = np.random.default_rng(seed)
    start = generator.standard_normal(12).astype(np.float32)
    x, m, v = start.astype(np.float64), np.zeros(12), np.full(12, 1e-6)
    moves, steps = [], []
    for round_number in range(5):
        move = (0.05 * generator.standard_normal(12)).astype(np.float32)
        if round_number == 2:
            move[:4] = 0
        x, m, v = optimizer_step(name, x, x + move.astype(np.float64), m, v, 0.05)
        moves.append(move)
        steps.append(x.copy())
    return {"name": name, "learning_rate": 0.05, "start": start, "moves": moves, "steps": steps}


def product_momentum_case(seed, rank=2, eta=0.7, beta=0.9):
    """FedAvgM of a product: momentum cut to rank 2r, the result to rank r."""
    generator = np.random.default_rng(seed)
    rows, columns = 9, 8
    start = random_module(generator, rows, columns, rank, 4.0)
    g, m = product(start), np.zeros((rows, columns))
    aggregates, steps = [], []
    for _ in range(4):
        aggregate = random_module(generator, rows, columns, rank, 4.0)
        m = cut(beta * m + product(aggregate) - g, 2 * rank)
        g = cut(g + eta * m, rank)
        aggregates.append(aggregate)
        steps.append(g.ravel())
    return {"rank": rank, "learning_rate": eta, "momentum": beta, "start": start, "aggregates": aggregates, "steps": steps}


# FedBuff.


def asynchronous_case(name, seed, rank, client_ranks, normalization, eta):
    generator = np.random.default_rng(seed)
    now = {p: random_module(generator, d, k, rank, 6.0) for p, (d, k) in SHAPES.items()}
    head = generator.standard_normal(4).astype(np.float32)
    stalenesses = [int(t) for t in generator.integers(0, 5, len(client_ranks))]
    entries = []
    for index, client_rank in enumerate(client_ranks):
        # What was global then: unrelated to what is now, as after a re-basing.
        before = {p: random_module(generator, d, k, client_rank, 6.0) for p, (d, k) in SHAPES.items()}
        begin_head = generator.standard_normal(4).astype(np.float32)
        entries.append({
            "client": f"silo-{index}",
            "staleness": stalenesses[index],
            "start": {"modules": before, "head": begin_head},
            "end": {
                "modules": {p: trained(generator, m, 0.3) for p, m in before.items()},
                "head": (begin_head + 0.3 * generator.standard_normal(4)).astype(np.float32),
            },
        })
    s = 1 / np.sqrt(1 + np.array(stalenesses, dtype=np.float64))
    divisor = len(entries) if normalization == "count" else s.sum()
    c = eta * s / divisor
    products, factors = {}, {}
    for p in SHAPES:
        whole = now[p]
        change = sum(
            ci * (product(e["end"]["modules"][p]) - product(e["start"]["modules"][p])) for ci, e in zip(c, entries)
        )
        products[p] = cut(product(whole) + change, rank).ravel()
        # Component j is moved by those that have it, and divided by what they count.
        a, b = whole["a"].astype(np.float64).copy(), whole["b"].astype(np.float64).copy()
        for j in range(rank):
            owners = [i for i, r in enumerate(client_ranks) if r > j]
            if not owners:
                continue
            share = len(owners) if normalization == "count" else s[owners].sum()
            for i in owners:
                end, begin = entries[i]["end"]["modules"][p], entries[i]["start"]["modules"][p]
                a[j] += eta * s[i] / share * (end["a"][j].astype(np.float64) - begin["a"][j].astype(np.float64))
                b[:, j] += (
                    eta * s[i] / share / scaling(whole)
                    * (scaling(end) * end["b"][:, j].astype(np.float64) - scaling(begin) * begin["b"][:, j].astype(np.float64))
                )
        factors[p] = {"a": a, "b": b}
    new_head = head + sum(
        ci * (e["end"]["head"].astype(np.float64) - e["start"]["head"].astype(np.float64)) for ci, e in zip(c, entries)
    )
    return {
        "name": name,
        "normalization": normalization,
        "learning_rate": eta,
        "now": {"modules": now, "head": head},
        "entries": entries,
        "products": products,
        "factors": factors,
        "head": new_head,
    }


def main():
    generator = np.random.default_rng(11)
    document = {
        "vectors": [vector_case(generator, n, p, f) for n, p, f in [(5, 9, 1), (11, 6, 2), (12, 17, 2), (16, 3, 3)]],
        "cohorts": [
            cohort_case("equal ranks", 12, 3, [3] * 11, 2),
            cohort_case("other alphas", 13, 2, [2] * 6, 1, [6.0, 3.0, 12.0, 6.0, 6.0, 9.0]),
            cohort_case("mixed ranks", 14, 4, [4, 1, 2, 4, 3, 2, 4, 1], 2),
        ],
        "optimizers": [
            optimizer_case(name, 20 + i) for i, name in enumerate(["fedavgm", "fedadagrad", "fedyogi", "fedadam"])
        ],
        "product_momentum": product_momentum_case(30),
        "asynchronous": [
            asynchronous_case("paper", 40, 3, [3] * 4, "count", 1.0),
            asynchronous_case("normalised", 41, 3, [3] * 3, "weights", 0.5),
            asynchronous_case("mixed ranks", 42, 4, [4, 2, 1, 3], "count", 1.5),
        ],
    }
    with open("robust.json", "w", encoding="utf-8") as file:
        json.dump(written(document), file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
