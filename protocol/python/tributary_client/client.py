"""The client: keeps a connection, carries out orders, and sees every result delivered."""

import asyncio
import math
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor

from . import control_pb2 as messages
from .connection import Connection
from .control_pb2 import AdapterReference, Control, Goodbye, Hello, OrderID
from .frames import ProtocolError
from .membership import Membership, MembershipError
from .session import Ended, Session, log
from .store import Store, encode_tensors, order_key, read_tensors

REFUSAL = re.compile("_ALERT_.*(CERTIFICATE|UNKNOWN_CA)")  # how TLS says that a client may not come in
FIGURE = re.compile("[A-Za-z0-9./_-]{1,64}")  # names of those that the server keeps
FACTOR = re.compile(r"\.lora_([ABR])\.weight$")
SENT = {messages.FACTORS_BOTH: "AB", messages.FACTORS_A: "A", messages.FACTORS_B: "B", messages.FACTORS_CORE: "R"}
NOISE_IS_THE_SERVERS = (messages.Privacy.MECHANISM_CENTRAL, messages.Privacy.MECHANISM_TREE)
FINAL = (Goodbye.CODE_VERSION_UNSUPPORTED, Goodbye.CODE_REVOKED, Goodbye.CODE_REPLACED)
FAREWELLS = {TimeoutError: Goodbye.CODE_IDLE, asyncio.CancelledError: Goodbye.CODE_SHUTTING_DOWN}


class Refused(Exception):
    """Raised by a function that will not, or cannot, do an order. The server is told the reason."""


class Forbidden(Refused):
    """Raised when it is the silo's own policy that says no."""


class Work:
    """What a client keeps of an order until there is a result."""

    def __init__(self, order):
        self.order, self.is_cancelled, self.task, self.lease = order, threading.Event(), None, None
        self.is_given = asyncio.Event()  # set while the connection is one that brought the order

    def end_lease(self):
        self.lease = self.lease and self.lease.cancel()


class Client:
    """A member of a federation that trains with functions of its owner, which run in a thread, one at a time.

    `train(order, tensors, progress)` returns `(tensors, example count, metrics)`: `order` is the message, `tensors` the
    adapter to start from, and `sent_shapes` tells what to return. `progress(step, step count, loss)` tells the server,
    and ends the work when nobody needs it any more. `evaluate`, of the same parameters, returns
    `(example count, metrics)`. An exception declines the order; only of `Refused` is the server told the text, because
    what others say may quote the data.
    """

    def __init__(self, directory, train, evaluate=None, maximum_rank=16, tags=None):
        self.directory, self.store = directory, Store(directory)
        self._functions = {OrderID.KIND_TRAIN: train, OrderID.KIND_EVALUATE: evaluate}
        self._hello = Hello(protocol_version=1, software="tributary-client", maximum_rank=maximum_rank, tags=tags)
        self._works, self._turn, self._thread = {}, asyncio.Lock(), ThreadPoolExecutor(1)
        self._session, self._payload_bytes, self._failures = None, 0, 0

    async def serve(self):
        """Stays connected and does what the server orders until it is cancelled; raises what only people can mend."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(random.uniform(0, await self._connect()))
        finally:
            for key in list(self._works):
                self.give_up(key, "the client stops")
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _connect(self):
        """Keeps one connection as long as it lasts, and returns within how many seconds to try the next one."""
        self._failures += 1
        try:
            await self._converse()
        except Ended as ended:
            if ended.args[0].code in FINAL:
                raise
            log.info("The server said goodbye: %s", ended)
            if ended.args[0].reconnect_within_milliseconds:
                return ended.args[0].reconnect_within_milliseconds / 1000
        except (OSError, ProtocolError) as error:
            if REFUSAL.search(str(getattr(error, "reason", None))):
                raise MembershipError(f"The server refuses this client's certificate ({error}). Join anew.") from None
            log.warning("The connection ended: %s: %s", type(error).__name__, error)
        return min(60, 2**self._failures / 2)

    async def _converse(self):
        membership = Membership(self.directory)
        async with Connection.open(membership.host, membership.port, membership.tls_context()) as connection:
            try:
                connection.send(Control(hello=self._hello))
                first = await connection.receive(10)
                if isinstance(first, Control) and first.HasField("goodbye"):
                    raise Ended(first.goodbye)
                welcome = first.welcome if isinstance(first, Control) else messages.Welcome()
                is_valid = 1 <= welcome.heartbeat_seconds <= 3600 and 16_384 <= welcome.chunk_bytes <= 1_048_576
                if welcome.protocol_version != 1 or not is_valid:
                    raise ProtocolError("The server's first message is no Welcome, or one outside its limits.")
                log.info("welcomed as %s by %s", welcome.client, welcome.software)
                self._payload_bytes, self._failures = welcome.payload_bytes or math.inf, 0
                self._session = Session(self, connection, welcome, membership)
                await self._session.run()
            except (ProtocolError, TimeoutError, asyncio.CancelledError) as error:
                code = FAREWELLS.get(type(error), Goodbye.CODE_PROTOCOL_ERROR)
                connection.send(Control(goodbye=Goodbye(code=code, reason=str(error)[:1024])))
                raise
            finally:
                self._session = None
                for key, work in self._works.items():
                    work.is_given.clear()
                    lease = work.order.assignment.lease_seconds or 86_400
                    work.lease = work.lease or self._loop.call_later(lease, self.give_up, key, "its lease has ended")

    def take(self, order, session):
        """Answers an order, and begins with it or goes on."""
        check_order(order)
        key = order_key(order)
        for other, work in list(self._works.items()):
            old, new = work.order.id, order.id
            is_over = old.kind == new.kind == OrderID.KIND_TRAIN and old.job == new.job and old.round < new.round
            if is_over or other == key and work.order != order:
                self.give_up(other, "it was overtaken by another order")
        work, is_finished = self._works.get(key), key in self.store.outbox
        if not work and not is_finished and (refusal := self._objection(order)):
            return self._decline(order, refusal, session)
        session.post(order_reply=messages.OrderReply(id=order.id, accepted=True))
        if is_finished:
            return session.offer(key)
        if work is None:
            work = self._works[key] = Work(order)
            work.task = asyncio.create_task(self._carry_out(key, work))
        work.is_given.set()
        work.end_lease()

    def give_up(self, key, reason):
        """Stops work on an order, if there is any. What is in the outbox stays there."""
        if work := self._works.pop(key, None):
            log.info("gave up round %d of %s: %s", work.order.id.round, work.order.id.job, reason)
            work.end_lease()
            work.is_cancelled.set()
            work.task.cancel()

    def _objection(self, order):
        if order.id.kind == OrderID.KIND_TRAIN and order.adapter.rank > self._hello.maximum_rank:
            return Forbidden(f"rank {order.adapter.rank} exceeds this client's {self._hello.maximum_rank}")
        if self._functions[order.id.kind] is None:
            return Refused("this client does not evaluate")
        if order.assignment.HasField("privacy") and order.assignment.privacy.mechanism not in NOISE_IS_THE_SERVERS:
            return Forbidden("this client adds no noise of its own")
        if not {order.assignment.trained_factors, order.assignment.sent_factors} <= {0, *SENT}:
            return Refused("this client is too old for the factors that the order names")
        return None

    def _decline(self, order, refusal, session):
        log.warning("declined round %d of %s: %s", order.id.round, order.id.job, refusal)
        reason, by_policy = str(refusal)[:1024], isinstance(refusal, Forbidden)
        session.post(order_reply=messages.OrderReply(id=order.id, reason=reason, refused_by_policy=by_policy))

    async def _carry_out(self, key, work):
        refusal = None
        try:
            async with self._turn:
                await self._obtain(work)
                letter = await self._loop.run_in_executor(self._thread, self._perform, work)
            self.store.post(key, letter)
            if self._session:
                self._session.offer(key)
        except Exception as error:
            log.info("an order could not be carried out", exc_info=error)
            refusal = error if isinstance(error, Refused) else Refused(f"the trainer raised {type(error).__name__}")
        self._works.pop(key).end_lease()
        # Without a connection that brought the order nobody waits for the reply: it will be ordered, and tried, again.
        if refusal and work.is_given.is_set():
            self._decline(work.order, refusal, self._session)

    async def _obtain(self, work):
        """Returns when the payload of an order is whole on disk, over as many connections as that takes."""
        adapter = work.order.adapter
        while not self.store.payload(adapter.sha256).exists():
            await work.is_given.wait()
            if await self._session.fetch(adapter) and not await asyncio.to_thread(self.store.accept, adapter.sha256):
                raise Refused("the adapter's bytes are not those that its digest names")

    def _perform(self, work):
        """Runs a function of the owner, in a thread, and returns the message that tells what came out."""
        order = work.order
        tensors = read_tensors(self.store.payload(order.adapter.sha256))

        def progress(step, step_count, loss):
            if work.is_cancelled.is_set():
                raise Refused("the order was withdrawn")
            share = 20 / max(step_count, 1)  # so many messages in all: the server counts them
            if int(step * share) != int((step - 1) * share):
                message = messages.Progress(id=order.id, step=step, step_count=step_count, loss=loss)
                self._loop.call_soon_threadsafe(self._report, work, message)

        *update, example_count, metrics = self._functions[order.id.kind](order, tensors, progress)
        common = {"id": order.id, "example_count": example_count, "metrics": figures(metrics)}
        if order.id.kind == OrderID.KIND_EVALUATE:
            return Control(evaluation_result=messages.EvaluationResult(**common))
        content = encode_tensors(*update)
        if len(content) > self._payload_bytes or example_count < 1:
            raise Refused(f"the update has {len(content)} bytes of {example_count} examples: too many or too few")
        adapter = AdapterReference.FromString(order.adapter.SerializeToString())
        adapter.sha256, adapter.byte_count = self.store.add(content), len(content)
        return Control(update_offer=messages.UpdateOffer(adapter=adapter, **common))

    def _report(self, work, progress):
        if work.is_given.is_set():
            self._session.post(progress=progress)


def check_order(order):
    """Raises `ProtocolError` when an order has fields outside their limits."""
    adapter, assignment, training = order.adapter, order.assignment, order.assignment.training
    numbers = (adapter.byte_count, adapter.alpha, assignment.alpha, training.learning_rate, training.batch_size)
    if not (
        1 <= len(order.id.job.encode()) <= 64
        and len(adapter.sha256) == len(assignment.model_sha256) == 32
        and all(1 <= rank <= 65_536 for rank in (adapter.rank, assignment.rank))
        and all(0 < number < float("inf") for number in numbers)
        and {order.id.kind, assignment.task, training.optimizer} <= {1, 2}  # the known values of each
    ):
        raise ProtocolError("An order has a field outside its limits.")


def figures(metrics):
    """Returns those of `metrics` that a server keeps: finite, with a short plain name, the first 64 by name."""
    kept = {name: value for name, value in metrics.items() if FIGURE.fullmatch(name) and math.isfinite(value)}
    return dict(sorted(kept.items())[:64])


def sent_shapes(order, tensors):
    """Returns, by name, the shapes of what an update of `order` has to hold, `tensors` being what was handed out."""
    assignment, shapes = order.assignment, {}
    factors = SENT[assignment.sent_factors or assignment.trained_factors or messages.FACTORS_BOTH]
    for name, values in tensors.items():
        factor = FACTOR.search(name)
        is_sent = factor[1] in factors if factor else not assignment.keeps_saved_tensors
        if is_sent and name.startswith("base_model.model."):  # others are residuals and control variates
            shapes[name] = values.shape
    if assignment.control_variates:
        shapes |= {"control." + name.removeprefix("base_model.model."): shape for name, shape in shapes.items()}
    return shapes
