"""The strongest rival to FlexLoRA's step: one dense product of the stacked factors, then a randomized SVD.

Usage: rival_flexlora.py SIZE CLIENTS RANK TRIPLETS

Prints a line for each library that is installed: its name, and the median time in milliseconds. Two threads, 32-bit
floats. PyTorch's svd_lowrank gets no oversampling, which makes it quicker and a little less accurate.
"""

import statistics
import sys
import time

THREADS = 2
RUNS = 3


def median_time(work):
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def numpy_rival(size, clients, rank, triplets):
    import numpy as np

    generator = np.random.default_rng(2)
    b = generator.standard_normal((size, clients * rank), dtype=np.float32)
    a = generator.standard_normal((clients * rank, size), dtype=np.float32) / clients
    start = generator.standard_normal((size, triplets + 10), dtype=np.float32)

    def work():
        g = b @ a
        q = np.linalg.qr(g @ start)[0]
        for _ in range(2):
            q = np.linalg.qr(g.T @ q)[0]
            q = np.linalg.qr(g @ q)[0]
        u, s, vt = np.linalg.svd(q.T @ g, full_matrices=False)
        return (q @ u)[:, :triplets], s[:triplets], vt[:triplets]

    return median_time(work)


def torch_rival(size, clients, rank, triplets):
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(2)
    b = torch.randn(size, clients * rank)
    a = torch.randn(clients * rank, size) / clients
    return median_time(lambda: torch.svd_lowrank(b @ a, q=triplets, niter=2))


def main():
    size, clients, rank, triplets = map(int, sys.argv[1:])
    for name, rival in (("NumPy", numpy_rival), ("PyTorch", torch_rival)):
        try:
            print(name, rival(size, clients, rank, triplets), flush=True)
        except ImportError:
            continue


if __name__ == "__main__":
    main()
