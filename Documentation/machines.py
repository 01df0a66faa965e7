"""The machines that a page is tried on.

Each machine is this one as it is now, seen through an overlay: it has the same programs, an empty home folder and a
network of its own, everything it writes is gone afterwards, and nothing outside can be reached. So a page's commands run
as they are written, with their own ports, names and paths, beside whatever else runs here.

This module runs inside the namespaces that `unshare` makes; see `check_pages.py`.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

NETWORK = "10.77.0"
HOME = "/home/user"
# Where the newcomer of a page finds tools; the programs of this repository are not among them until a page says so.
TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NOTES = "/run/docs-test"
# Before a block: what its user's earlier blocks exported, and the folder they went to. After it: the same for later ones. It
# is one line with the block's first, so that line numbers are those of the block.
PROLOGUE = (
    "set -eaE; cd; [ ! -e {state} ] || . {state}; trap 'echo $LINENO >{failed}' ERR; "
    "trap '{{ export -p; echo cd \"$PWD\"; }} >{state}' EXIT;"
)


def quietly(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Outcome:
    """How a block ended: its exit code, what it printed, and the line of the block that failed, if one did."""

    def __init__(self, code, output, errors, failed_line):
        self.code = code
        self.output = output
        self.errors = errors
        self.failed_line = failed_line


class Machine:
    """One machine of a page.

    - Parameters:
      - index: Its place among the machines, from which its address follows.
      - folder: An empty folder for all machines, on a file system that overlays can write to.
      - bridge: The switch that it is plugged into, if there is one.
      - shown: Folders that may lie on other file systems than `/`, which an overlay of `/` does not show.
    """

    def __init__(self, name, index, folder, bridge, shown):
        self.name = name
        self.address = f"{NETWORK}.{index + 1}" if bridge else "127.0.0.1"
        self.folder = Path(folder) / name
        self.root = self.folder / "root"
        self.services = []
        self._blocks = 0
        (self.folder / "notes").mkdir(parents=True)
        self._overlay(Path("/"))
        for path in shown:
            self._overlay(path)
        for shared in ("proc", "dev", "sys"):
            quietly("mount", "--rbind", f"/{shared}", self.root / shared)
        # What a block leaves for the next one lies beside the overlay, out of the newcomer's sight.
        notes = self.root / NOTES.lstrip("/")
        notes.mkdir(parents=True)
        (self.folder / "notes").chmod(0o1777)
        quietly("mount", "--bind", self.folder / "notes", notes)
        (self.root / HOME.lstrip("/")).mkdir(parents=True)
        self._namespace = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._await_namespace()
        self._enter_network("ip", "link", "set", "lo", "up")
        if bridge:
            outside = f"port{index}"
            quietly("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", str(self._namespace.pid))
            quietly("ip", "link", "set", outside, "master", bridge, "up")
            self._enter_network("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
            self._enter_network("ip", "link", "set", "eth0", "up")

    def _overlay(self, path):
        """Shows `path` at its place in this machine, so that what is written there stays here."""
        layers = self.folder / f"layers{str(path).replace('/', '-')}"
        for part in ("upper", "work"):
            (layers / part).mkdir(parents=True)
        place = self.root / path.as_posix().lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={path},upperdir={layers / 'upper'},workdir={layers / 'work'}"
        quietly("mount", "-t", "overlay", "overlay", "-o", options, place)

    def _await_namespace(self):
        ours = os.readlink("/proc/self/ns/net")
        for _ in range(500):
            try:
                if os.readlink(f"/proc/{self._namespace.pid}/ns/net") != ours:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError("no network namespace could be made")

    def _note(self, name):
        return self.folder / "notes" / name

    def _enter_network(self, *command):
        quietly("nsenter", f"--net=/proc/{self._namespace.pid}/ns/net", *command)

    # MARK: - What is there before the page begins

    def know(self, machines):
        """Writes the names of all machines of the page, as a name server would know them."""
        lines = ["127.0.0.1 localhost", "::1 localhost"] + [f"{other.address} {other.name}" for other in machines]
        (self.root / "etc" / "hosts").write_text("\n".join(lines) + "\n")

    def start_in(self, folder):
        self._note("root.state").write_text(f"cd {folder}\n")

    def place(self, path):
        """Where `path` of this machine lies; relative ones start in the home folder."""
        return self.root / (Path(HOME) / path).as_posix().lstrip("/")

    def save(self, text, path):
        place = self.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    # MARK: - Blocks

    def _command(self, text, user):
        """Writes a block's script, and returns the command that runs it there as `user`."""
        self._blocks += 1
        script = self._note(f"block-{self._blocks}")
        self._note("failed").unlink(missing_ok=True)
        prologue = PROLOGUE.format(state=f"{NOTES}/{user or 'root'}.state", failed=f"{NOTES}/failed")
        script.write_text(f"{prologue} {text}\n")
        environment = [f"PATH={TOOLS}", "LANG=C.UTF-8", "TERM=dumb"]
        # Who becomes another user gets that user's home folder.
        environment += [] if user else [f"HOME={HOME}", "USER=root"]
        change = ["runuser", "-u", user, "--"] if user else []
        return ["nsenter", f"--net=/proc/{self._namespace.pid}/ns/net", "chroot", self.root, "/usr/bin/env", "-i", *environment,
                *change, "/bin/bash", f"{NOTES}/{script.name}"]

    def _failed_line(self):
        note = self._note("failed")
        text = note.read_text().split() if note.exists() else []
        return int(text[0]) if text else None

    def run(self, text, user, seconds):
        """Runs a block to its end."""
        process = subprocess.Popen(
            self._command(text, user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", start_new_session=True)
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            return Outcome(None, output, errors + f"\nIt had not ended after {seconds} seconds.", None)
        return Outcome(process.returncode, output, errors, self._failed_line())

    def serve(self, text, user, sign, seconds):
        """Starts a block that stays, and waits until it has printed `sign`."""
        log = self._note(f"service-{self._blocks + 1}.log")
        with log.open("w") as file:
            process = subprocess.Popen(
                self._command(text, user), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.services.append((process, log))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            printed = log.read_text(errors="replace")
            if sign in printed:
                return Outcome(0, printed, "", None)
            if process.poll() is not None:
                return Outcome(process.returncode or 1, "", printed + "\nIt ended.", self._failed_line())
            time.sleep(0.05)
        return Outcome(None, "", log.read_text(errors="replace") + f"\nNo '{sign}' after {seconds} seconds.", None)

    def stop_services(self):
        """Ends what was started last first, as a person would who closes terminals."""
        for process, _ in reversed(self.services):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process, _ in reversed(self.services):
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.services = []

    def logs(self):
        return [(log.name, log.read_text(errors="replace")) for _, log in self.services]


def build(names, folder, shown):
    """Makes the machines of a page, all on one network when there are several; `shown` as for a machine."""
    quietly("mount", "-t", "tmpfs", "tmpfs", folder)
    bridge = None
    if len(names) > 1:
        bridge = "switch"
        quietly("ip", "link", "add", bridge, "type", "bridge")
        quietly("ip", "link", "set", bridge, "up")
    machines = [Machine(name, index, folder, bridge, shown) for index, name in enumerate(names)]
    for machine in machines:
        machine.know(machines)
    return machines
