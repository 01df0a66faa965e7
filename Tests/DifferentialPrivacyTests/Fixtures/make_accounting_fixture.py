"""Writes accounting.json: what dp-accounting answers on a grid of 500 points (q, sigma, T, delta).

    python3 -m venv venv && venv/bin/pip install dp-accounting==0.6.0
    venv/bin/python make_accounting_fixture.py accounting.json

`rdp` is the epsilon of RdpAccountant with its default orders, `pld` that of PLDAccountant, `interval` the spacing of the
losses that `pld` was computed with. The default of 1e-4 is kept except at two ends:

- Where a run is long and loud, so many losses fit into no reasonable memory: the interval is doubled until they do.
- Where a run is quiet, rounding to 1e-4 costs more than the mechanism: the interval is halved until it costs less than
  0.05 % of epsilon, and `pld_default` keeps the answer at 1e-4 to show by how much that one is loose.

Intervals are 1e-4 times a power of two, so that each is a refinement of the next and pessimistic answers can only grow
from one to the next.
"""

import json
import math
import sys

import dp_accounting
from dp_accounting.pld import pld_privacy_accountant
from dp_accounting.rdp import rdp_privacy_accountant

RATES = [0.001, 0.01, 0.05, 0.2, 1.0]
NOISE_MULTIPLIERS = [0.6, 0.8, 1.0, 2.0, 5.0]
STEPS = [1, 10, 100, 1000, 10_000]
# Not below 1e-8: the Fourier transforms of dp-accounting leave about 1e-16 of probability astray in each step, which at
# 1e-10 and 10,000 steps moves its answers by 2e-4, up or down.
DELTAS = [1e-5, 1e-6, 1e-7, 1e-8]

DEFAULT_INTERVAL = 1e-4
MOST_LOSSES = 2_000_000
SMALLEST_INTERVAL = DEFAULT_INTERVAL / 64


def event(rate, noise_multiplier):
    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    return gaussian if rate == 1 else dp_accounting.PoissonSampledDpEvent(rate, gaussian)


def pld(rate, noise_multiplier, steps, interval):
    accountant = pld_privacy_accountant.PLDAccountant(value_discretization_interval=interval)
    accountant.compose(event(rate, noise_multiplier), steps)
    return accountant


def cost_of_rounding(interval, steps, epsilon, delta):
    """About how much epsilon grows when losses lie on multiples of `interval`, as a share of epsilon.

    A loss between two of them becomes a mixture of both, which adds a variance of interval^2 / 6 and half of that to the
    mean, in each step; (1 + order) tells how far out in the tail epsilon lies.
    """
    order = 2 * math.log(1 / delta) / max(epsilon, 1e-12)
    return steps * interval**2 * (1 + order) / 12 / max(epsilon, 1e-12)


def main(path):
    points = []
    for rate in RATES:
        for noise_multiplier in NOISE_MULTIPLIERS:
            for steps in STEPS:
                rdp = rdp_privacy_accountant.RdpAccountant()
                rdp.compose(event(rate, noise_multiplier), steps)
                bounds = [rdp.get_epsilon(delta) for delta in DELTAS]
                coarse = DEFAULT_INTERVAL
                while max(bounds) / coarse > MOST_LOSSES:
                    coarse *= 2
                accountants = {}
                for delta, bound in zip(DELTAS, bounds):
                    interval = coarse
                    point = dict(q=rate, sigma=noise_multiplier, T=steps, delta=delta, rdp=bound)
                    while True:
                        if interval not in accountants:
                            accountants[interval] = pld(rate, noise_multiplier, steps, interval)
                        point.update(pld=accountants[interval].get_epsilon(delta), interval=interval)
                        # Without sampling one Gaussian does for any number of steps, and rounding costs nothing.
                        cost = cost_of_rounding(interval, steps, point["pld"], delta)
                        if rate == 1 or cost < 5e-4 or interval <= SMALLEST_INTERVAL:
                            break
                        if interval == DEFAULT_INTERVAL:
                            point["pld_default"] = point["pld"]
                        interval /= 2
                    points.append(point)
    assert len(points) == 500
    with open(path, "w") as file:
        file.write('{"dp_accounting": "0.6.0", "points": [\n')
        file.write(",\n".join(json.dumps(point) for point in points))
        file.write("\n]}\n")


if __name__ == "__main__":
    main(sys.argv[1])
