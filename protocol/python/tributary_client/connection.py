"""One TLS connection, and messages over it."""

import asyncio
import contextlib
import socket
import ssl
import time

from .frames import CHUNK_LIMIT, CONTROL_LIMIT, FrameDecoder, ProtocolError, encode

KEEP_ALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}  # seconds, seconds, questions


def tls_context(authorities, keys=None):
    """TLS 1.3 that trusts `authorities`, in PEM, and nobody else; `keys` is the folder with what this side shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # asks for a server's certificate, of the host's name
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.hostname_checks_common_name = False
    context.load_verify_locations(cadata=authorities)
    if keys:
        context.load_cert_chain(keys / "certificate.pem", keys / "key.pem")
    return context


def keep_alive(connection):
    """Has the system ask a quiet server whether its machine is there, and end the connection when nothing answers."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):  # some systems have none but their own settings
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Connection:
    """Sends and receives messages. Any task may send, and `flush` what it sent; one receives."""

    def __init__(self, reader, writer, decoder):
        self._reader, self._writer, self._decoder, self._arrived = reader, writer, decoder, []
        self.last_sent, self.flush = time.monotonic(), writer.drain
        self.chunk_came = self.last_sent  # when a part of a chunk did, of which a slow line takes minutes for the whole

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, host, port, context, control_limit=CONTROL_LIMIT, chunk_limit=CHUNK_LIMIT):
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        try:
            keep_alive(writer.get_extra_info("socket"))
            names = writer.get_extra_info("peercert")["subjectAltName"]
            roles = [value for kind, value in names if kind == "URI" and value.startswith("tributary:")]
            if roles != ["tributary:server"] or any(kind == "DNS" and "*" in value for kind, value in names):
                raise ProtocolError(f"{host}:{port} shows a certificate that is not a federation server's.")
            yield cls(reader, writer, FrameDecoder(control_limit, chunk_limit))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(2):
                    await writer.wait_closed()

    def send(self, message):
        self._writer.write(encode(message))
        self.last_sent = time.monotonic()

    async def receive(self, seconds):
        """Returns the next message; raises `TimeoutError` when nothing comes for `seconds`."""
        while not self._arrived:
            async with asyncio.timeout(seconds):
                content = await self._reader.read(65_536)
            if not content:
                self._decoder.finish()
                raise ConnectionError("The server closed the connection.")
            self._arrived.extend(self._decoder.feed(content))
            if self._decoder.is_within_chunk:
                self.chunk_came = time.monotonic()
        return self._arrived.pop(0)
