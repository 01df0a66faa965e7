"""A federation of the real programs on loopback, and a link to it that can be cut."""

import asyncio
import json
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy

from tributary_client import Client, join, sent_shapes
from tributary_client.store import encode_tensors, read_tensors

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAMS = Path(os.environ.get("TRIBUTARY_PROGRAMS", REPOSITORY / ".build" / "release"))
TINY_MODEL = REPOSITORY / "Tests" / "TrainingTests" / "Fixtures" / "tiny-bert"
SECONDS = 120  # until a test gives up

logging.getLogger("asyncio").setLevel(logging.ERROR)  # unittest has it tell every step that takes a tenth of a second

JOB = """
name: python-peers
model: {model}
task: sequence-classification
labels: [bad, good]
adapter: {{r: {rank}, lora_alpha: 16, target_modules: [query, key, value], modules_to_save: [classifier]}}
strategy: {{name: fedavg}}
rounds: {rounds}
cohort: {{size: {clients}, minimum: {clients}, deadline: 1m}}
training: {{epochs: 1, batch_size: 4, max_length: 16, learning_rate: 1.0e-2}}
evaluation: {{every: {evaluate}}}
seed: {seed}
"""


class Federation:
    """A server process with its state directory below `folder`."""

    def __init__(self, folder):
        self.folder, self._server = Path(folder), None
        self.command("init", "--listen", "127.0.0.1:0")

    @property
    def _state(self):
        return self.folder / "server"

    def command(self, *arguments, check=True):
        """Runs `fed-server`, and returns what it prints."""
        command = [PROGRAMS / "fed-server", *arguments, "--dir", self._state]
        result = subprocess.run(command, check=check, text=True, capture_output=True, timeout=SECONDS)
        return result.stdout.strip()

    async def start(self):
        with open(self.folder / "server.log", "ab") as log:
            command = [PROGRAMS / "fed-server", "run", "--dir", self._state]
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        async with asyncio.timeout(SECONDS):
            while self._run is None:
                if self._server.poll() is not None:
                    raise RuntimeError((self.folder / "server.log").read_text())
                await asyncio.sleep(0.02)

    @property
    def _run(self):
        """What the running server says of itself; nothing before it runs."""
        try:
            facts = json.loads((self._state / "run.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return facts if facts["process"] == self._server.pid else None

    @property
    def port(self):
        return int(self._run["federation"].rpartition(":")[2])

    def kill(self):
        """Ends the server as a power failure does."""
        if self._server and self._server.poll() is None:
            self._server.kill()
            self._server.wait()

    async def join(self, name):
        """Makes a member called `name` with the Python client, and returns its directory."""
        directory = self.folder / name
        await join(await asyncio.to_thread(self.command, "invite", name), directory)
        return directory

    async def submit(self, rounds=2, clients=1, rank=4, evaluate=1, model=TINY_MODEL, seed=7):
        """Submits a job, and returns its name."""
        file = self.folder / "job.yaml"
        text = JOB.format(rounds=rounds, clients=clients, rank=rank, evaluate=evaluate, model=model, seed=seed)
        file.write_text(text)
        return await asyncio.to_thread(self.command, "job", "submit", file)

    async def result(self, job):
        """Waits for the end of a job, and returns the tensors of its adapter."""
        await asyncio.to_thread(self.command, "job", "wait", job)
        adapter = self.folder / f"adapter-{job}"
        await asyncio.to_thread(self.command, "job", "export", job, "--out", adapter)
        return read_tensors(adapter / "adapter_model.safetensors")

    def listing(self, *arguments):
        return json.loads(self.command(*arguments, "--json"))


class Link:
    """Forwards a member's connections to the server, and cuts one when so many bytes went one way."""

    def __init__(self, directory):
        self._file = directory / "membership.json"
        self._facts = json.loads(self._file.read_text())
        self.target = self._facts["host"], self._facts["port"]
        self.limits = {"up": None, "down": None}
        self.is_cut, self.is_open = asyncio.Event(), True
        self.on_cut = lambda: None

    async def __aenter__(self):
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
        self._file.write_text(json.dumps(self._facts | {"port": port}))
        return self

    async def __aexit__(self, *_):
        self._listener.close()

    async def _connect(self, reader, writer):
        ends = [writer]
        try:
            if self.is_open:
                far_reader, far_writer = await asyncio.open_connection(*self.target)
                ends.append(far_writer)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._forward(reader, far_writer, "up"))
                    group.create_task(self._forward(far_reader, writer, "down"))
        except* (OSError, EOFError):
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _forward(self, reader, writer, direction):
        count = 0
        while content := await reader.read(8192):
            writer.write(content)
            await writer.drain()
            count += len(content)
            if self.limits[direction] is not None and count >= self.limits[direction]:
                self.limits[direction] = None
                self.on_cut()
                self.is_cut.set()
                raise ConnectionAbortedError
        raise EOFError


class OneHot:
    """Trains nothing, and adds 1 to one number of the classifier's bias: the mean tells who was counted, how often."""

    def __init__(self, index, count=1):
        self.index, self.count, self.calls = index, count, 0

    def __call__(self, order, tensors, progress):
        self.calls += 1
        progress(1, 1, 0.5)
        update = {name: tensors[name].copy() for name in sent_shapes(order, tensors)}
        update["base_model.model.classifier.bias"][self.index] += 1
        return update, self.count, {"loss": 0.5, "seconds": 0.0}


def measure(order, tensors, progress):
    return 10, {"accuracy": 0.5, "loss": 1.0}


def client(directory, train, **settings):
    return Client(directory, train, **{"evaluate": measure, "maximum_rank": 64} | settings)


def write_wide_model(folder):
    """Writes the tiny model with a width of 256, whose adapters take several chunks, and returns its folder."""
    folder.mkdir()
    configuration = json.loads((TINY_MODEL / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(configuration | {"hidden_size": 256}))
    shutil.copy(TINY_MODEL / "vocab.txt", folder)
    generator, tensors = numpy.random.default_rng(1), {}
    for name, values in read_tensors(TINY_MODEL / "model.safetensors").items():
        shape = [256 if size == configuration["hidden_size"] else size for size in values.shape]
        tensors[name] = generator.normal(0, 0.02, shape)
    (folder / "model.safetensors").write_bytes(encode_tensors(tensors))
    return folder


def offsets(logs, verb):
    """Returns from which offsets on payloads were fetched, or updates uploaded, by what the client logged."""
    return [record.args[1] for record in logs.records if re.match(verb, record.msg)]
