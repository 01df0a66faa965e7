"""Drives a headless Chromium through the DevTools protocol, with nothing but the standard library."""

import base64
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request


class WebSocket:
    """A client of RFC 6455 that sends and receives whole texts."""

    def __init__(self, url):
        host, path = url.removeprefix("ws://").split("/", 1)
        name, port = host.split(":")
        self.socket = socket.create_connection((name, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        data = text.encode()
        size = len(data)
        head = bytes([0x81]) + (
            bytes([0x80 | size]) if size < 126
            else bytes([0xFE]) + struct.pack(">H", size) if size < 65536
            else bytes([0xFF]) + struct.pack(">Q", size)
        )
        # The mask hides nothing; the protocol wants one.
        self.socket.sendall(head + b"\0\0\0\0" + data)

    def receive(self):
        text = b""
        while True:
            first, second = self.file.read(2)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack(">H", self.file.read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.file.read(8))[0]
            text += self.file.read(size)
            if first & 0x80:
                return text.decode()


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={self.folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        address = os.path.join(self.folder.name, "DevToolsActivePort")
        until(lambda: os.path.exists(address) and len(open(address).read().split()) == 2, "Chromium does not start")
        self.port = open(address).read().split()[0]

    def page(self):
        """Opens a page of its own user: cookies and connections are shared with no other."""
        version = json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/version"))
        control = Connection(version["webSocketDebuggerUrl"])
        user = control.call("Target.createBrowserContext")["browserContextId"]
        target = control.call("Target.createTarget", url="about:blank", browserContextId=user, newWindow=True)["targetId"]
        return Page(f"ws://127.0.0.1:{self.port}/devtools/page/{target}")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class Connection:
    """Calls of the DevTools protocol, and the events that come between their answers."""

    def __init__(self, url):
        self.socket = WebSocket(url)
        self.number = 0
        self.events = []

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)


class Page(Connection):
    def __init__(self, url):
        super().__init__(url)
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, expression, what):
        def holds():
            try:
                return self.evaluate(expression)
            except RuntimeError:
                return False
        until(holds, what)

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def theme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'", "the page does not change")
        self.call("Page.navigate", url=url)

    def screenshot(self, file, whole=False):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(file, "wb") as output:
            output.write(base64.b64decode(picture["data"]))

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]

    def problems(self):
        """What the console complains of: broken policies, failed requests, uncaught errors."""
        self.evaluate("1")
        found = []
        for event in self.events:
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"):
                found.append(event["params"]["entry"]["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"])[:300])
        return found


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
