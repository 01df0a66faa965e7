#!/usr/bin/env python3
"""A slow line on this machine: passes what comes on one port to another, so many bytes a second in each direction.

proxy.py TARGET RATE prints the port that it listens on, and then a line for every connection. Its own buffers are small, so that
nothing gets through faster than it says.
"""

import socket
import sys
import threading
import time

PIECE = 512
BUFFER = 4096


def plug():
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    return end


def pass_on(source, target, rate):
    """Passes bytes on until one of the two is closed."""
    begun, passed = time.monotonic(), 0
    try:
        while piece := source.recv(PIECE):
            passed += len(piece)
            wait = begun + passed / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            else:
                begun, passed = time.monotonic(), 0
            target.sendall(piece)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    listener = plug()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    while True:
        near, _ = listener.accept()
        far = plug()
        far.connect(("127.0.0.1", port))
        print("connection", flush=True)
        for ends in ((near, far), (far, near)):
            threading.Thread(target=pass_on, args=(*ends, rate), daemon=True).start()


main()
