"""Makes state directories with as many clients and rounds as wanted, and runs servers on them."""

import contextlib
import hashlib
import json
import math
import os
import random
import sqlite3
import subprocess
import time
import urllib.request

JOB = """\
name: radiology-notes
model: tiny-bert
task: sequence-classification
labels: [bad, good]
adapter: {r: 16, lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
strategy: {name: fedavg}
rounds: %d
cohort: {size: 50, minimum: 2, deadline: 10m}
training: {epochs: 1, batch_size: 4, max_length: 16, learning_rate: 1.0e-2}
privacy: {mechanism: central, clipping_norm: 1.0, noise_multiplier: 1.2, delta: 1.0e-5, epsilon_budget: 60}
seed: 1
"""

LIVE_JOB = """\
name: rounds-without-end
model: %s
task: sequence-classification
labels: [bad, good]
adapter: {r: 8, lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}
strategy: {name: fedavg}
rounds: 10000
cohort: {size: 2, minimum: 2, deadline: 1m}
training: {epochs: 1, batch_size: 4, max_length: 16, learning_rate: 1.0e-3}
seed: 1
"""


class Server:
    """A running `fed-server`."""

    def __init__(self, program, directory):
        self.directory = directory
        self.process = subprocess.Popen(
            [program, "run", "--dir", directory], stdout=subprocess.PIPE, stderr=open(f"{directory}.log", "a"), text=True
        )
        line = self.process.stdout.readline()
        if " admin on " not in line:
            raise RuntimeError(f"the server did not start; see {directory}.log")
        self.origin = f"http://{line.split(' admin on ')[1].strip()}"
        self.token = open(os.path.join(directory, "admin-token")).read().strip()

    def ask(self, path, body=None):
        request = urllib.request.Request(
            f"{self.origin}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        text = urllib.request.urlopen(request).read()
        return json.loads(text) if text else None

    def processor_seconds(self):
        """User and system time since the start."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def server(program, directory):
    running = Server(program, directory)
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def clients(program, running, folder, names):
    """Lets silos with a tiny model and a few texts join a server, and run."""
    processes = []
    try:
        for offset, name in enumerate(names):
            directory = os.path.join(folder, name)
            invitation = running.ask(f"v1/clients/{name}/invite", {"seconds": 600})
            subprocess.run([program, "join", invitation["joinString"], "--dir", directory], check=True, stdout=subprocess.DEVNULL)
            data = os.path.join(directory, "texts.jsonl")
            with open(data, "w") as file:
                for number in range(40):
                    label = ["good", "bad"][(number + offset) % 2]
                    row = {"text": f"a film {label}", "label": label, "split": "test" if number % 4 == 3 else "train"}
                    file.write(json.dumps(row) + "\n")
            log = open(f"{directory}.log", "w")
            processes.append(
                subprocess.Popen([program, "run", "--dir", directory, "--data", data, "--max-rank", "8"], stdout=log, stderr=log)
            )
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def make(program, directory, clients, rounds, cohort=50):
    """Makes a state directory with enrolled clients and, if there are any, a finished job of so many rounds.

    Returns the job's name, or None.
    """
    subprocess.run(
        [program, "init", "--dir", directory, "--host", "127.0.0.1", "--listen", "127.0.0.1:0"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    job = None
    if clients and rounds:
        with server(program, directory) as running:
            submission = {"yaml": JOB % rounds, "modelPath": "/nowhere", "modelDigest": "00" * 32}
            job = running.ask("v1/jobs", submission)["id"]
            # There is no such model, so the job ends at once, and is filled by hand.
            while running.ask(f"v1/jobs/{job}")["summary"]["phase"] in ("pending", "running"):
                time.sleep(0.05)
    with contextlib.closing(of_an_earlier_version(directory)) as database, database:
        names = fill_clients(database, clients)
        if job:
            fill_rounds(database, job, names, rounds, min(cohort, clients))
    return job


def of_an_earlier_version(directory):
    """Makes the database one whose pages have no checksums yet, which SQLite alone cannot write; the server adds them."""
    path = os.path.join(directory, "tributary.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as database:
        tables = "\n".join(database.iterdump())
    for name in (path, f"{path}-wal", f"{path}-shm", f"{path}.commits"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
    os.close(os.open(path, os.O_CREAT, 0o600))
    database = sqlite3.connect(path)
    database.executescript(tables)
    database.execute("DROP TABLE commit_count")
    database.execute("DELETE FROM grdb_migrations WHERE identifier LIKE '6 %'")
    database.commit()
    return database


def fill_clients(database, count):
    now = time.time()
    places = ["berlin", "paris", "rome", "oslo", "wien"]
    names = [f"clinic-{number:04}" for number in range(count)] if count > 5 else places[:count]
    for number, name in enumerate(names):
        tags = json.dumps({"site": places[number % 5], "kind": "clinic" if number % 3 else "lab"})
        revoked = now - 4000 if number % 97 == 96 else None
        database.execute(
            "INSERT INTO client VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, now - 9e5, now - 60 * (number % 900), 4 << number % 3, tags, "tributary-client/0.1.0", revoked),
        )
        fingerprint = hashlib.sha256(name.encode()).hexdigest()
        database.execute(
            "INSERT INTO certificate VALUES (?, ?, ?, ?, ?, ?)",
            (fingerprint, f"{number:02x}", name, now - 3600, now + 82800, revoked),
        )
    return names


def fill_rounds(database, job, names, rounds, cohort):
    generator = random.Random(7)
    now = time.time()
    database.execute(
        "INSERT INTO adapter (digest, byte_count, rank, alpha, rank_stabilized) VALUES (?, 350000, 8, 16, 0)", ("11" * 32,)
    )
    adapter = database.execute("SELECT id FROM adapter").fetchone()[0]

    def figure(number, client, phase, name, value):
        database.execute("INSERT INTO measurement VALUES (?, ?, ?, ?, ?, ?)", (job, number, client, phase, name, value))

    for number in range(rounds + 1):
        share = 1 - math.exp(-4 * number / rounds)
        chosen = sorted(generator.sample(names, cohort))
        if number:
            start = now - 11 * (rounds - number + 1)
            database.execute(
                "INSERT INTO round (job, number, state, opened_at, closed_at, global_adapter) VALUES (?, ?, 'committed', ?, ?, ?)",
                (job, number, start, start + 10, adapter),
            )
            for name, value in (("clients", cohort), ("seconds", 8 + 3 * generator.random()),
                                ("epsilon", 50 * math.sqrt(number / rounds))):
                figure(number, "", "round", name, value)
        for position, client in enumerate(chosen):
            spread = generator.gauss(0, 0.02)
            if number:
                database.execute("INSERT INTO cohort_member VALUES (?, ?, ?, ?, ?)", (job, number, client, position, adapter))
                database.execute(
                    "INSERT INTO accepted_update VALUES (?, ?, ?, ?, 200, '{}', ?)", (job, number, client, adapter, now)
                )
                for name, value in (("loss", 1.6 - share + spread), ("examples", 200), ("payload_bytes_up", 350000),
                                    ("bytes_up", 350000)):
                    figure(number, client, "train", name, value)
            for name, value in (("accuracy", 0.2 + 0.4 * share + spread), ("loss", 1.6 - share + spread), ("examples", 80),
                                ("payload_bytes_down", 800000)):
                figure(number, client, "evaluate", name, value)
        figure(number, "", "evaluate", "accuracy", 0.2 + 0.4 * share)
        figure(number, "", "evaluate", "loss", 1.6 - share)
    database.execute(
        "UPDATE job SET phase = 'finished', failure = NULL, committed_rounds = ?, evaluated_round = ?, started_at = ?, ended_at = ? "
        "WHERE id = ?",
        (rounds, rounds, now - 11 * rounds, now, job),
    )
