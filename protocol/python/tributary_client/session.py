"""The conversation on one connection, from Welcome to Goodbye."""

import asyncio
import logging
import time

from .control_pb2 import Control, Fetch, Ping, Pong, RenewalRequest, UpdateVerdict
from .frames import SMALLEST_CHUNK, Chunk, ProtocolError
from .membership import MembershipError, make_request
from .store import PARTIAL, order_key

BURST, MESSAGES_A_SECOND = 256, 64
STALL_SECONDS, RENEWAL_RETRY_SECONDS = 60, 3_600

log = logging.getLogger("tributary_client")


class Ended(Exception):
    """The server said goodbye: `args[0]` is the message."""


class Session:
    """Answers the server. All that it knows ends with the connection; the client and its store remember the rest."""

    def __init__(self, client, connection, welcome, membership):
        self._client, self._store, self._connection, self._membership = client, client.store, connection, membership
        self._heartbeat, self._chunk_bytes = welcome.heartbeat_seconds, welcome.chunk_bytes
        self._wanted, self._chunks, self._fetching = asyncio.Queue(), asyncio.Queue(4), None
        self._fetched, self._is_over, self._pings, self._offered, self._uploads = asyncio.Event(), False, 0, set(), {}
        self._renewal_time, self._is_renewing = membership.renewal_time(), False

    async def run(self):
        """Converses until an error ends it; a Goodbye of the server is one, too."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for task in (self._listen(), self._beat(), self._fetch()):
                    self._group.create_task(task)
                for key in self._store.outbox:
                    self.offer(key)
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        finally:
            self._is_over = True
            self._fetched.set()

    def post(self, **message):
        self._connection.send(Control(**message))

    def offer(self, key):
        """Sends what the outbox has for an order, unless this connection has heard of it."""
        if key not in self._offered:
            self._offered.add(key)
            self._connection.send(self._store.outbox[key])

    async def fetch(self, reference):
        """Returns whether all bytes of a payload are on disk, not yet hashed: otherwise the connection is over."""
        self._fetched = asyncio.Event()
        if not self._is_over:
            self._wanted.put_nowait((reference, self._fetched))
            await self._fetched.wait()
        return not self._is_over

    async def _beat(self):
        while True:
            wait = self._connection.last_sent + self._heartbeat - time.monotonic()
            if wait <= 0:
                self._pings += 1
                self.post(ping=Ping(nonce=self._pings))
            if not self._is_renewing and time.time() >= self._renewal_time:
                self._is_renewing = True
                request = await asyncio.to_thread(make_request, self._membership.next_keys)
                self.post(renewal_request=RenewalRequest(certificate_request=request))
            await asyncio.sleep(wait if wait > 0 else self._heartbeat)

    async def _fetch(self):
        while True:
            self._fetching = None
            self._fetching, is_done = reference, _ = await self._wanted.get()
            with open(self._store.payload(reference.sha256, PARTIAL), "ab") as file:
                if file.tell() < reference.byte_count:
                    log.info("fetching a payload of %d bytes from %d on", reference.byte_count, file.tell())
                    self.post(fetch=Fetch(sha256=reference.sha256, offset=file.tell()))
                while (offset := file.tell()) < reference.byte_count:
                    async with asyncio.timeout(STALL_SECONDS):
                        chunk = await self._chunks.get()
                    size, rest = len(chunk.content), reference.byte_count - offset
                    is_next = (chunk.sha256, chunk.offset) == (reference.sha256, offset)
                    if not is_next or size > rest or size < min(rest, SMALLEST_CHUNK):
                        raise ProtocolError(f"A chunk of {size} bytes at {chunk.offset} is not the next one.")
                    file.write(chunk.content)
            is_done.set()

    async def _listen(self):
        allowance, then = BURST, time.monotonic()
        while True:
            message = await self._connection.receive(3 * self._heartbeat)
            if isinstance(message, Chunk):
                if self._fetching is None:
                    raise ProtocolError("A chunk was not asked for.")
                await self._chunks.put(message)
                continue
            now = time.monotonic()
            allowance, then = min(BURST, allowance + MESSAGES_A_SECOND * (now - then)) - 1, now
            kind = message.WhichOneof("message")
            handle = getattr(self, f"_on_{kind}", None)
            if handle is None or allowance < 0:
                raise ProtocolError(f"The server sent '{kind}', which it never does, or more messages than it may.")
            handle(getattr(message, kind))

    def _on_order(self, order):
        self._client.take(order, self)

    def _on_order_withdrawal(self, withdrawal):
        self._client.give_up(order_key(withdrawal), withdrawal.reason)

    def _on_upload_request(self, request):
        key = order_key(request)
        offered = self._store.outbox[key].update_offer.adapter if key in self._offered - self._uploads.keys() else None
        if not offered or request.sha256 != offered.sha256 or request.offset >= offered.byte_count:
            raise ProtocolError("The server asks for what was not offered, or a second time.")
        log.info("uploading an update of %d bytes from %d on", offered.byte_count, request.offset)
        self._uploads[key] = self._group.create_task(self._upload(request.sha256, request.offset))

    async def _upload(self, sha256, offset):
        with open(self._store.payload(sha256), "rb") as file:
            file.seek(offset)
            while content := file.read(self._chunk_bytes):
                self._connection.send(Chunk(sha256, offset, content))
                await self._connection.flush()
                offset += len(content)

    def _settle(self, answer):
        key = order_key(answer)
        if key not in self._offered:
            raise ProtocolError("The server answers what was not offered.")
        if upload := self._uploads.pop(key, None):
            upload.cancel()
        self._offered.remove(key)
        self._store.remove(key)
        is_rejected = isinstance(answer, UpdateVerdict) and not answer.accepted
        log.info("round %d of %s: %s", answer.id.round, answer.id.job, answer.reason if is_rejected else "accepted")

    _on_update_verdict = _on_evaluation_receipt = _settle

    def _on_renewal_response(self, response):
        if not self._is_renewing:
            raise ProtocolError("The server answers a renewal that was not asked for.")
        self._is_renewing, self._renewal_time = False, time.time() + RENEWAL_RETRY_SECONDS
        try:
            if response.accepted:
                self._membership.renew(response.certificate, response.authorities)
                self._renewal_time = self._membership.renewal_time()
            log.info("the certificate %s", "is renewed" if response.accepted else f"stays: {response.reason}")
        except (MembershipError, OSError) as error:
            log.warning("The renewed certificate is of no use: %s", error)

    def _on_ping(self, ping):
        self.post(pong=Pong(nonce=ping.nonce))

    def _on_pong(self, pong):
        if not 0 < pong.nonce <= self._pings:
            raise ProtocolError("A pong answers no ping.")

    def _on_goodbye(self, goodbye):
        raise Ended(goodbye)
