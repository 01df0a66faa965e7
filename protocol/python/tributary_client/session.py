"""The conversation on one connection, from Welcome to Goodbye."""

import asyncio
import logging
import math
import time

from .control_pb2 import Control, Fetch, Ping, Pong, RenewalRequest, UpdateVerdict
from .frames import SMALLEST_CHUNK, Chunk, ProtocolError
from .membership import MembershipError, make_request
from .store import PARTIAL, order_key

BURST, MESSAGES_A_SECOND = 256, 64
STALL_SECONDS = 60
SHORTEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10, 3_600  # between two attempts to renew the certificate

log = logging.getLogger("tributary_client")


class Ended(Exception):
    """The server said goodbye: `args[0]` is the message."""


class Download:
    """A payload that was asked for, until its last byte has come or the connection is over."""

    def __init__(self, byte_count):
        self.byte_count, self.is_over = byte_count, asyncio.Event()
        self.is_wanted, self.has_begun = False, False


class Session:
    """Answers the server. All that it knows ends with the connection; the client and its store remember the rest."""

    def __init__(self, client, connection, welcome, membership):
        self._client, self._store, self._connection, self._membership = client, client.store, connection, membership
        self._heartbeat, self._chunk_bytes = welcome.heartbeat_seconds, welcome.chunk_bytes
        self._payload_bytes, self._downloads, self._moved = welcome.payload_bytes or math.inf, {}, time.monotonic()
        self._is_over, self._pings, self._offered, self._uploads = False, 0, set(), {}
        self._renewal_time, self._is_renewing = membership.renewal_time(), False

    async def run(self):
        """Converses until an error ends it; a Goodbye of the server is one, too."""
        try:
            async with asyncio.TaskGroup() as self._group:
                for task in (self._listen(), self._beat()):
                    self._group.create_task(task)
                for key in list(self._store.outbox):
                    self.offer(key)
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        finally:
            self._is_over = True
            for download in self._downloads.values():
                download.is_over.set()

    def post(self, **message):
        self._connection.send(Control(**message))

    def offer(self, key):
        """Sends what the outbox has for an order, once on a connection; what the server will never take goes away."""
        letter = self._store.outbox[key]
        update, byte_count = letter.update_offer.id, letter.update_offer.adapter.byte_count
        if byte_count > self._payload_bytes:
            reason = f"the update has {byte_count} bytes, and the server takes {self._payload_bytes} at most"
            log.warning("dropped round %d of %s: %s", update.round, update.job, reason)
            self._store.remove(key)
        elif key not in self._offered:
            self._offered.add(key)
            self._connection.send(letter)

    async def fetch(self, reference):
        """Returns whether all bytes of a payload are on disk, not yet hashed: otherwise the connection is over."""
        for download in list(self._downloads.values()):
            if download.has_begun:  # nobody wants it any more, but it takes up the line
                await download.is_over.wait()
        if not self._is_over and (download := self._ask(reference)):
            self._moved, download.is_wanted = time.monotonic(), True
            try:
                await download.is_over.wait()
            finally:
                download.is_wanted = False
        return not self._is_over

    def _ask(self, reference):
        """Asks for what is missing of a payload, unless that is on its way; returns its download if there is one."""
        with open(self._store.payload(reference.sha256, PARTIAL), "ab") as file:
            offset = file.tell()
        if offset < reference.byte_count and reference.sha256 not in self._downloads:
            log.info("fetching a payload of %d bytes from %d on", reference.byte_count, offset)
            self.post(fetch=Fetch(sha256=reference.sha256, offset=offset))
            self._downloads[reference.sha256] = Download(reference.byte_count)
        return self._downloads.get(reference.sha256)

    def _keep(self, chunk):
        """Writes the next piece of a payload, also of one that nobody wants any more: another order may name it."""
        if (download := self._downloads.get(chunk.sha256)) is None:
            raise ProtocolError("A chunk was not asked for.")
        with open(self._store.payload(chunk.sha256, PARTIAL), "ab") as file:
            size, rest = len(chunk.content), download.byte_count - file.tell()
            if chunk.offset != file.tell() or size > rest or size < min(rest, SMALLEST_CHUNK):
                raise ProtocolError(f"A chunk of {size} bytes at {chunk.offset} is not the next one.")
            file.write(chunk.content)
        self._moved, download.has_begun = time.monotonic(), True
        if size == rest:
            self._downloads.pop(chunk.sha256).is_over.set()

    def _stands_still(self):
        """Whether nothing comes of what must come. A Fetch for an order that was withdrawn may have no answer."""
        is_due = any(download.is_wanted or download.has_begun for download in self._downloads.values())
        return is_due and time.monotonic() - max(self._moved, self._connection.chunk_came) >= STALL_SECONDS

    async def _beat(self):
        while True:
            if self._stands_still():
                raise TimeoutError("A payload stands still.")
            wait = self._connection.last_sent + self._heartbeat - time.monotonic()
            if wait <= 0:
                self._pings += 1
                self.post(ping=Ping(nonce=self._pings))
            if not self._is_renewing and time.time() >= self._renewal_time:
                self._is_renewing = True
                self._group.create_task(self._renew())
            await asyncio.sleep(min(wait if wait > 0 else self._heartbeat, STALL_SECONDS))

    async def _renew(self):
        try:
            request = await asyncio.to_thread(make_request, self._membership.next_keys)
            self.post(renewal_request=RenewalRequest(certificate_request=request))
        except (MembershipError, OSError) as error:
            self._postpone_renewal(error)

    def _postpone_renewal(self, problem):
        """Tries again when a tenth of what is left of the certificate's life is over."""
        wait = min(max((self._membership.end - time.time()) / 10, SHORTEST_RETRY_SECONDS), LONGEST_RETRY_SECONDS)
        self._is_renewing, self._renewal_time = False, time.time() + wait
        log.warning("The certificate could not be renewed; the next attempt is in %d seconds: %s", wait, problem)

    async def _listen(self):
        allowance, then = BURST, time.monotonic()
        while True:
            message = await self._connection.receive(3 * self._heartbeat)
            if isinstance(message, Chunk):
                self._keep(message)
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
        try:
            if not response.accepted:
                raise MembershipError(f"the server refused: {response.reason}")
            self._membership.renew(response.certificate, response.authorities)
            self._is_renewing, self._renewal_time = False, self._membership.renewal_time()
            log.info("the certificate is renewed")
        except (MembershipError, OSError) as error:
            self._postpone_renewal(error)

    def _on_ping(self, ping):
        self.post(pong=Pong(nonce=ping.nonce))

    def _on_pong(self, pong):
        if not 0 < pong.nonce <= self._pings:
            raise ProtocolError("A pong answers no ping.")

    def _on_goodbye(self, goodbye):
        raise Ended(goodbye)
