"""What a server must not do, and that the client ends the connection when it does."""

import asyncio
import contextlib
import hashlib
import json
import math
import os
import socket
import stat
import tempfile
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from tributary_client import control_pb2 as messages
from tributary_client.client import Client, Work, figures
from tributary_client.connection import Connection
from tributary_client.control_pb2 import Control
from tributary_client.frames import Chunk, ProtocolError
from tributary_client.membership import Membership, MembershipError, make_request, openssl
from tributary_client.session import Session
from tributary_client.store import PARTIAL, Store, encode_tensors, order_key

DIGEST, OTHER, THIRD = (bytes(range(start, start + 32)) for start in range(3))
TRAIN = messages.OrderID(job="job", round=1, kind=messages.OrderID.KIND_TRAIN)


def order(**changes):
    adapter = {"sha256": DIGEST, "byte_count": 40_000, "rank": 4, "alpha": 8.0}
    assignment = {
        "model_sha256": DIGEST, "rank": 4, "alpha": 8.0, "task": messages.Assignment.TASK_CAUSAL_LM,
        "training": {"optimizer": messages.Training.OPTIMIZER_SGD, "learning_rate": 0.1, "batch_size": 4},
    }
    identifier = {"job": "job", "round": 1, "kind": messages.OrderID.KIND_TRAIN}
    for name, value in changes.items():
        part = next(part for part in (adapter, assignment, identifier, assignment["training"]) if name in part)
        part[name] = value
    return Control(order={"id": identifier, "adapter": adapter, "assignment": assignment})


def chunk(offset, size, digest=DIGEST):
    return Chunk(digest, offset, bytes(size))


def withdrawal(number=1):
    identifier = {"job": "job", "round": number, "kind": messages.OrderID.KIND_TRAIN}
    return Control(order_withdrawal={"id": identifier, "reason": "the round is over"})


def finish(client, payload):
    """Puts an update of round 1 into the outbox, as if it had been trained, and returns its SHA-256."""
    reference = {"sha256": client.store.add(payload), "byte_count": len(payload), "rank": 4, "alpha": 8.0}
    letter = Control(update_offer={"id": TRAIN, "adapter": reference, "example_count": 1})
    client.store.post(order_key(letter.update_offer), letter)
    return reference["sha256"]


@contextlib.contextmanager
def member(script, train):
    """A client of a server that keeps to a script on every connection."""
    membership = SimpleNamespace(host="", port=0, tls_context=lambda: None, renewal_time=lambda: float("inf"))

    @contextlib.asynccontextmanager
    async def connect(*_):
        yield ScriptedConnection([WELCOME, *script])

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("tributary_client.client.Membership", return_value=membership),
        mock.patch("tributary_client.client.Connection.open", connect),
    ):
        client = Client(folder, train)
        client._loop = asyncio.get_running_loop()
        yield client


class ScriptedConnection:
    """Gives what a script holds, then nothing; keeps what was sent. The name of a message waits until one is sent."""

    def __init__(self, script):
        self.sent, self.last_sent, self._script = [], time.monotonic(), list(script)
        self.chunk_came = self.last_sent

    def send(self, message):
        self.sent.append(message)

    async def flush(self):
        pass

    def has_sent(self, kind):
        return any(isinstance(message, Control) and message.HasField(kind) for message in self.sent)

    async def receive(self, seconds):
        await asyncio.sleep(0)
        if not self._script:
            raise TimeoutError
        if isinstance(self._script[0], str):
            async with asyncio.timeout(30):
                while not self.has_sent(self._script[0]):
                    await asyncio.sleep(0.001)
            self._script.pop(0)
            return await self.receive(seconds)
        if self._script[0] is WAIT:
            # As long as it takes the client to come to a rest.
            self._script.pop(0)
            await asyncio.sleep(0.05)
            return await self.receive(seconds)
        return self._script.pop(0)


WAIT = object()
WELCOME = Control(
    welcome={"protocol_version": 1, "heartbeat_seconds": 1, "chunk_bytes": 16_384, "payload_bytes": 50_000}
)

BREACHES = {
    "a message that the server never sends": [Control(hello={"protocol_version": 1})],
    "a second welcome": [Control(welcome={"heartbeat_seconds": 1})],
    "a message of the enrolment listener": [Control(enrolment_response={"accepted": True})],
    "an order without a name": [order(job="")],
    "an order with a long name": [order(job="x" * 65)],
    "an order of no kind": [order(kind=0)],
    "an order of an unknown kind": [order(kind=7)],
    "a short digest": [order(sha256=b"short")],
    "an empty payload": [order(byte_count=0)],
    "a rank of zero": [order(rank=0)],
    "an alpha that is not finite": [order(alpha=float("inf"))],
    "a learning rate that is NaN": [order(learning_rate=float("nan"))],
    "an unknown optimizer": [order(optimizer=9)],
    "an unknown task": [order(task=9)],
    "a chunk that was not asked for": [chunk(0, 20_000)],
    "a chunk of another payload": [order(), WAIT, chunk(0, 20_000, bytes(32))],
    "a chunk out of order": [order(), WAIT, chunk(20_000, 20_000)],
    "a chunk beyond the end": [order(), WAIT, chunk(0, 40_001)],
    "a small chunk": [order(), WAIT, chunk(0, 16_383)],
    "a verdict on nothing": [Control(update_verdict={"id": TRAIN, "accepted": True})],
    "a receipt of nothing": [Control(evaluation_receipt={"id": TRAIN})],
    "a request for what was not offered": [Control(upload_request={"id": TRAIN, "sha256": DIGEST})],
    "a renewal that was not asked for": [Control(renewal_response={"accepted": True})],
    "a pong without a ping": [Control(pong={"nonce": 99})],
    "a flood": [Control(ping={"nonce": nonce}) for nonce in range(400)],
}


class SessionTests(unittest.IsolatedAsyncioTestCase):
    async def converse(self, script, prepare=lambda client: None, inspect=lambda client: None, **membership):
        """Runs a session on a script, and returns what the client sent and with which error it ended."""
        with tempfile.TemporaryDirectory() as folder:
            client = Client(folder, train=None)
            client._loop = asyncio.get_running_loop()
            client._functions[messages.OrderID.KIND_TRAIN] = lambda *_: self.fail("nothing is to be trained here")
            prepare(client)
            connection = ScriptedConnection(script)
            membership = SimpleNamespace(**{"renewal_time": lambda: float("inf")} | membership)
            client._session = Session(client, connection, WELCOME.welcome, membership)
            with self.assertRaises(Exception) as caught:
                await client._session.run()
            inspect(client)
            for key in list(client._works):
                client.give_up(key, "the test is over")
            return connection.sent, caught.exception

    async def test_a_breach_of_the_protocol_ends_the_connection(self):
        for name, script in BREACHES.items():
            with self.subTest(name):
                _, error = await self.converse(script)
                self.assertIsInstance(error, ProtocolError)

    async def test_what_the_protocol_allows_does_not(self):
        allowed = [
            order(), WAIT, chunk(0, 16_384), order(), chunk(16_384, 16_384),
            withdrawal(), Control(ping={"nonce": 5}), WAIT, chunk(32_768, 7_232),
        ]
        sent, error = await self.converse(allowed)
        self.assertIsInstance(error, TimeoutError)
        self.assertEqual(sum(message.HasField("order_reply") for message in sent), 2, "one reply for every order")
        self.assertEqual([message.fetch.offset for message in sent if message.HasField("fetch")], [0])
        self.assertIn(Control(pong={"nonce": 5}), sent)

    async def test_an_update_is_offered_once_a_connection_and_sent_from_the_offset_that_is_asked_for(self):
        payload = bytes(40_000)

        def prepare(client):
            request.upload_request.sha256 = finish(client, payload)

        request = Control(upload_request={"id": TRAIN, "offset": 20_000})
        verdict = Control(update_verdict={"id": TRAIN, "accepted": True})
        sent, error = await self.converse([order(), request, WAIT, verdict], prepare)
        self.assertIsInstance(error, TimeoutError)
        offers = [message for message in sent if isinstance(message, Control) and message.HasField("update_offer")]
        self.assertEqual(len(offers), 1)
        chunks = [(message.offset, len(message.content)) for message in sent if isinstance(message, Chunk)]
        self.assertEqual(chunks, [(20_000, 16_384), (36_384, 3_616)])
        _, error = await self.converse([request, request], prepare)
        self.assertIsInstance(error, ProtocolError, "a second request for what is being uploaded")

    async def test_a_payload_of_other_bytes_than_its_digest_names_is_not_trained_on_and_not_kept(self):
        sent, error = await self.converse([order(), WAIT, chunk(0, 40_000), WAIT])
        self.assertIsInstance(error, TimeoutError)
        replies = [message.order_reply for message in sent if message.HasField("order_reply")]
        self.assertEqual([reply.accepted for reply in replies], [True, False])
        self.assertIn("digest", replies[1].reason)

    async def test_work_is_given_up_when_its_lease_has_ended_without_the_server(self):
        leased = order()
        leased.order.assignment.lease_seconds = 1
        with member([leased, WAIT], lambda *_: self.fail("there is nothing to train on")) as client:
            with self.assertRaises(TimeoutError):
                await client._converse()
            (work,) = client._works.values()
            self.assertFalse(work.is_cancelled.is_set(), "the work goes on without the server")
            await asyncio.wait([work.task], timeout=30)
            self.assertTrue(work.is_cancelled.is_set() and work.task.cancelled())
            self.assertEqual(client._works, {})

    async def test_no_lease_outlives_the_work_that_it_is_for(self):
        content = encode_tensors({})
        given = order(sha256=hashlib.sha256(content).digest(), byte_count=len(content))
        for is_finished in (True, False):
            may_end = threading.Event()

            def train(*_):
                may_end.wait(30)
                return {}, 1, {}

            with self.subTest(is_finished=is_finished), member([given, WAIT], train) as client:
                client.store.add(content)
                with self.assertRaises(TimeoutError):
                    await client._converse()
                ((key, work),) = client._works.items()
                lease = work.lease
                self.assertFalse(lease.cancelled())
                if not is_finished:
                    client.give_up(key, "the test is over")
                may_end.set()
                await asyncio.wait([work.task], timeout=30)
                self.assertEqual(key in client.store.outbox, is_finished)
                self.assertTrue(lease.cancelled(), "it would end the next work of the same order")

    async def test_a_fetch_for_a_withdrawn_order_holds_up_nothing_and_what_comes_of_it_is_no_breach(self):
        second, third = order(round=2, sha256=OTHER), order(round=3, sha256=THIRD)
        rest = [chunk(16_384, 16_384), chunk(32_768, 7_232)]
        for name, script, fetched in (
            (
                "it is never answered",
                [order(), "fetch", withdrawal(), *[WAIT] * 12, second, WAIT, chunk(0, 40_000, OTHER), WAIT],
                [DIGEST, OTHER],
            ),
            (
                "it is answered after all",
                [order(), "fetch", withdrawal(), second, WAIT, chunk(0, 16_384), *rest, chunk(0, 40_000, OTHER), WAIT],
                [DIGEST, OTHER],
            ),
            (
                "it was being answered, so the next waits for its turn, and is withdrawn meanwhile",
                [
                    order(), "fetch", chunk(0, 16_384), withdrawal(), second, WAIT, withdrawal(2), *rest, third, WAIT,
                    chunk(0, 40_000, THIRD), WAIT,
                ],
                [DIGEST, THIRD],
            ),
            (
                "another order wants the payload before any of it has come",
                [order(), "fetch", withdrawal(), order(round=2), WAIT, chunk(0, 16_384), *rest, WAIT],
                [DIGEST],
            ),
            (
                "another order wants the payload when half of it has come",
                [order(), "fetch", chunk(0, 16_384), withdrawal(), order(round=2), WAIT, *rest, WAIT],
                [DIGEST],
            ),
        ):
            with self.subTest(name), mock.patch("tributary_client.session.STALL_SECONDS", 0.5):
                sent, error = await self.converse(script)
                self.assertEqual((type(error), str(error)), (TimeoutError, ""), "nothing but the script's end")
                self.assertEqual([message.fetch.sha256 for message in sent if message.HasField("fetch")], fetched)
                replies = [message.order_reply for message in sent if message.HasField("order_reply")]
                self.assertIn("digest", replies[-1].reason, "the last payload came whole, if not right")

    async def test_a_payload_that_stands_still_ends_the_connection(self):
        for script in ([order()], [order(), "fetch", chunk(0, 16_384), withdrawal()]):
            with mock.patch("tributary_client.session.STALL_SECONDS", 0.1):
                _, error = await self.converse([*script, *[WAIT] * 100])
            self.assertEqual((type(error), str(error)), (TimeoutError, "A payload stands still."))

    async def test_what_came_of_a_withdrawn_fetch_is_kept(self):
        def inspect(client):
            self.assertEqual(client.store.payload(DIGEST, PARTIAL).stat().st_size, 16_384)

        await self.converse([order(), "fetch", withdrawal(), WAIT, chunk(0, 16_384)], inspect=inspect)

    async def test_an_update_that_is_larger_than_the_server_takes_is_dropped_and_not_offered(self):
        def inspect(client):
            self.assertEqual(client.store.outbox, {})
            self.assertEqual(Store(client.directory).outbox, {}, "nor is it there after a restart")

        with self.assertLogs("tributary_client", "WARNING") as logs:
            sent, error = await self.converse([WAIT], lambda client: finish(client, bytes(50_001)), inspect)
        self.assertIsInstance(error, TimeoutError)
        self.assertFalse(any(message.HasField("update_offer") for message in sent))
        self.assertIn("dropped round 1 of job: the update has 50001 bytes", logs.output[0])

    async def test_a_renewal_that_fails_is_tried_again_when_a_tenth_of_what_is_left_is_over(self):
        refused = Control(renewal_response={"reason": "too often"})
        useless = Control(renewal_response={"accepted": True})
        request = mock.AsyncMock(return_value=b"request")
        for name, script, make, left, wait in (
            ("refused", ["renewal_request", refused], request, 1_200, 120),
            ("of no use", ["renewal_request", useless], request, 86_400, 3_600),
            ("a full disk", [WAIT], mock.AsyncMock(side_effect=OSError("no space left")), 300, 30),
            ("no openssl", [WAIT], mock.AsyncMock(side_effect=MembershipError("`openssl req` failed")), 20, 10),
            ("at the end", ["renewal_request", refused], request, -20, 10),
        ):
            now, seen = 1_800_000_000, []
            with (
                self.subTest(name),
                mock.patch("tributary_client.session.time.time", return_value=now),
                mock.patch("tributary_client.session.asyncio.to_thread", make),
                self.assertLogs("tributary_client", "WARNING") as logs,
            ):
                _, error = await self.converse(
                    script,
                    inspect=lambda client: seen.append(client._session._renewal_time),
                    renewal_time=lambda: 0,
                    end=now + left,
                    next_keys=None,
                    renew=mock.Mock(side_effect=MembershipError("it is not for this client")),
                )
                self.assertIsInstance(error, TimeoutError, "the connection goes on")
                self.assertEqual(seen, [now + wait])
                self.assertIn(f"in {wait} seconds", logs.output[0])

    async def test_a_renewal_is_asked_for_again_on_the_same_connection_and_holds_up_no_heartbeat(self):
        async def hang(*_):
            await asyncio.Event().wait()

        failing = mock.AsyncMock(side_effect=[OSError("no space left"), b"request"])
        facts = {"renewal_time": lambda: 0, "end": 0, "next_keys": None}
        for kind, make in (("renewal_request", failing), ("ping", hang)):
            with (
                self.subTest(kind),
                mock.patch("tributary_client.session.asyncio.to_thread", make),
                mock.patch("tributary_client.session.SHORTEST_RETRY_SECONDS", 0),
            ):
                sent, _ = await self.converse([kind], **facts)
                self.assertTrue(any(message.HasField(kind) for message in sent))

    async def test_only_figures_that_the_server_takes_are_sent(self):
        good = {"loss": 0.5, "layer.0/a-b_C": 1.0, "x" * 64: 0.0}
        bad = {"": 1.0, "x" * 65: 1.0, "größe": 1.0, "two words": 1.0, "line\n": 1.0, "n": math.nan, "i": -math.inf}
        self.assertEqual(figures(good | bad), good)
        many = {f"{number:02}": 1.0 for number in range(70)}
        self.assertEqual(list(figures(dict(reversed(many.items())))), list(many)[:64])
        with tempfile.TemporaryDirectory() as folder:
            client = Client(folder, lambda *_: ({}, 1, good | bad), lambda *_: (1, good | bad))
            client._payload_bytes = 1_000
            sha256 = client.store.add(encode_tensors({}))
            for kind, letter in ((1, "update_offer"), (2, "evaluation_result")):
                message = client._perform(Work(order(kind=kind, sha256=sha256).order))
                self.assertEqual(dict(getattr(message, letter).metrics), good)

    async def test_the_training_of_a_later_round_and_other_content_overtake_what_was_ordered_before(self):
        evaluation, later = order(kind=messages.OrderID.KIND_EVALUATE), order(round=2)
        other = order(round=2, byte_count=50_000)
        script = [order(), evaluation, WAIT, later, WAIT, other, WAIT]

        def inspect(client):
            left = [(work.order.id.round, work.order.id.kind, work.order.adapter.byte_count) for work in works(client)]
            kinds = messages.OrderID
            self.assertEqual(left, [(1, kinds.KIND_EVALUATE, 40_000), (2, kinds.KIND_TRAIN, 50_000)])

        def works(client):
            return sorted(client._works.values(), key=lambda work: work.order.id.round)

        def evaluate(client):
            client._functions[messages.OrderID.KIND_EVALUATE] = lambda *_: self.fail("there is nothing to evaluate")

        await self.converse(script, evaluate, inspect)

    async def test_orders_are_declined_with_the_reason(self):
        local = order()
        local.order.assignment.privacy.mechanism = messages.Privacy.MECHANISM_LOCAL
        unknown = order()
        unknown.order.assignment.privacy.mechanism = 99
        newer = order()
        newer.order.assignment.sent_factors = 99
        evaluation = order(kind=messages.OrderID.KIND_EVALUATE)
        for script, reason, by_policy in (
            (order(rank=64), "rank 64", True), (local, "noise", True), (unknown, "noise", True),
            (evaluation, "does not evaluate", False), (newer, "too old", False),
        ):
            sent, _ = await self.converse([script])
            reply = next(message.order_reply for message in sent if message.HasField("order_reply"))
            self.assertFalse(reply.accepted)
            self.assertIn(reason, reply.reason)
            self.assertEqual(reply.refused_by_policy, by_policy)


class StoreTests(unittest.TestCase):
    def test_a_payload_is_on_disk_before_it_has_its_name_and_its_name_before_it_is_used(self):
        with tempfile.TemporaryDirectory() as folder:
            store, content, forced = Store(folder), b"what was fetched", []
            sha256 = hashlib.sha256(content).digest()
            store.payload(sha256, PARTIAL).write_bytes(content)

            def force(file):
                forced.append((stat.S_ISDIR(os.fstat(file).st_mode), store.payload(sha256).exists()))

            with mock.patch("tributary_client.store.os.fsync", force):
                self.assertTrue(store.accept(sha256))
            self.assertEqual(forced, [(False, False), (True, True)])
            self.assertEqual(store.payload(sha256).read_bytes(), content)


class MembershipTests(unittest.TestCase):
    def test_a_certificate_is_due_when_two_thirds_of_its_life_are_over(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = Path(folder, "keys-1")
            make_request(keys)
            arguments = "req", "-x509", "-subj", "/CN=silo", "-days", "3", "-key", keys / "key.pem"
            (keys / "certificate.pem").write_bytes(openssl(*arguments))
            facts = {"name": "silo", "host": "host", "port": 1, "keys": "keys-1"}
            Path(folder, "membership.json").write_text(json.dumps(facts))
            membership = Membership(folder)
            due = membership.renewal_time()
            self.assertEqual(membership.end - due, 86_400)


class ConnectionTests(unittest.IsolatedAsyncioTestCase):
    async def test_the_system_asks_a_quiet_server_whether_its_machine_is_there(self):
        with socket.socket() as connection:
            facts = {"socket": connection, "peercert": {"subjectAltName": [("URI", "tributary:server")]}}
            writer = mock.Mock(get_extra_info=facts.get, wait_closed=mock.AsyncMock())
            with mock.patch("asyncio.open_connection", mock.AsyncMock(return_value=(None, writer))):
                async with Connection.open("host", 1, None):
                    self.assertTrue(connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            for name, value in (("TCP_KEEPIDLE", 2), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 2)):
                if hasattr(socket, name):
                    self.assertEqual(connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)), value)


if __name__ == "__main__":
    unittest.main()
