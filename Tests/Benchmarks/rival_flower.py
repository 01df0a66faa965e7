"""The same simulated round in Flower's simulation engine, with the training of rival_simulation.py.

Usage: rival_flower.py MODEL CLIENT.jsonl…

Every client takes part in each of four rounds. Each of Ray's workers keeps its model between rounds. Prints
`flower STEPS MILLISECONDS` of the fastest warm round, from the first configuration to the averaged adapter, of two
runs: two workers of one thread, and one of two.
"""

import os
import sys
import time

# Nothing leaves this machine.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import torch
from flwr.client import ClientApp, NumPyClient
from flwr.common import ndarrays_to_parameters
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.simulation import run_simulation
from peft import get_peft_model_state_dict, set_peft_model_state_dict

ROUNDS = 4


def client_app(folder, files, threads, benchmarks):
    """An app whose workers load the model once."""
    kept = {}

    def client(context):
        sys.path.insert(0, benchmarks)
        import rival_simulation as by_hand

        if not kept:
            torch.set_num_threads(threads)
            kept["silos"], kept["labels"] = by_hand.read(files)
            kept["model"], kept["tokenizer"] = by_hand.load(folder, kept["labels"])
        model, place = kept["model"], int(context.node_config["partition-id"])

        class Silo(NumPyClient):
            def fit(self, parameters, config):
                names = get_peft_model_state_dict(model).keys()
                tensors = {name: torch.from_numpy(array) for name, array in zip(names, parameters)}
                set_peft_model_state_dict(model, tensors)
                rows = list(kept["silos"][place])
                steps = by_hand.train(model, kept["tokenizer"], rows, kept["labels"], place)
                state = get_peft_model_state_dict(model)
                return [value.numpy() for value in state.values()], len(rows), {"steps": steps}

        return Silo().to_client()

    return ClientApp(client_fn=client)


def warm_round(folder, files, start, threads):
    """Steps and seconds of the fastest round but the first."""
    begun, rounds = [], []

    class Timed(FedAvg):
        def configure_fit(self, *arguments, **named):
            begun.append(time.perf_counter())
            return super().configure_fit(*arguments, **named)

        def aggregate_fit(self, server_round, results, failures):
            found = super().aggregate_fit(server_round, results, failures)
            if failures or len(results) < len(files):
                raise SystemExit(f"{len(failures)} clients failed")
            steps = sum(result.metrics["steps"] for _, result in results)
            rounds.append((time.perf_counter() - begun[-1], steps))
            return found

    def server(context):
        strategy = Timed(
            fraction_fit=1.0,
            fraction_evaluate=0.0,
            min_fit_clients=len(files),
            min_available_clients=len(files),
            initial_parameters=ndarrays_to_parameters(start),
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))

    run_simulation(
        server_app=ServerApp(server_fn=server),
        client_app=client_app(folder, files, threads, os.path.dirname(os.path.abspath(__file__))),
        num_supernodes=len(files),
        backend_config={"client_resources": {"num_cpus": threads, "num_gpus": 0.0}, "init_args": {"num_cpus": 2}},
    )
    seconds, steps = min(rounds[1:])
    return steps, seconds


def main():
    import rival_simulation as by_hand

    folder, files = sys.argv[1], sys.argv[2:]
    model, _ = by_hand.load(folder, by_hand.read(files)[1])
    start = [value.numpy() for value in get_peft_model_state_dict(model).values()]
    steps, seconds = min((warm_round(folder, files, start, threads) for threads in (1, 2)), key=lambda found: found[1])
    print(f"flower {steps} {1e3 * seconds:.1f}")


if __name__ == "__main__":
    main()
