"""Programs that tests start, in a network of their own.

Ports and addresses are therefore those of the shipped files, nothing listens on the machine, and two runs do not meet.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from renders import lack


def need(*programs: str) -> None:
    """Skips the test where a program is missing, by name; in continuous integration that is a failure."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        lack(f"missing: {', '.join(missing)} (scripts/image-components installs what is missing as root on Debian)")


def need_root() -> None:
    """Skips the test where it may not make networks and containers."""
    if os.geteuid() != 0:
        lack("this needs root")


def until(condition: Callable[[], Any], what: str, said: Callable[[], str] = str, seconds: float = 120) -> Any:
    """Waits for the first result that is true, and returns it. Where it does not come: what was waited for, and what was said meanwhile."""
    end = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > end:
            raise AssertionError(f"within {seconds} s: {what}\n{said()}")
        time.sleep(0.1)


class Program:
    """A process that writes into a file, and that ends with the test."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        # Should the test be killed, it goes along.
        tied = ["setpriv", "--pdeathsig", "KILL", *command]
        with log.open("wb") as output:
            self.process = subprocess.Popen(tied, stdout=output, stderr=subprocess.STDOUT, env=env)

    def end(self, sent: signal.Signals = signal.SIGTERM, seconds: float = 10) -> int:
        """Asks it to end and says how it did."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still there {seconds} s after {sent.name}:\n{self.said()}") from None

    def said(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:]


class Network:
    """A network namespace with nothing in it but loopback."""

    def __init__(self) -> None:
        need_root()
        need("unshare", "nsenter", "ip", "curl")
        keep = "ip link set lo up && echo up && exec setpriv --pdeathsig KILL sleep infinity"
        self._keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", keep], stdout=subprocess.PIPE)
        if self._keeper.stdout is None or self._keeper.stdout.readline() != b"up\n":
            lack("this needs network namespaces")
        self._programs: list[Program] = []

    def inside(self, *command: str | Path) -> list[str]:
        """The same command in this network."""
        return ["nsenter", f"--net=/proc/{self._keeper.pid}/ns/net", "--", *map(str, command)]

    def run(self, *command: str | Path, env: dict[str, str] | None = None) -> str:
        """Runs a command to its end; its standard output."""
        done = subprocess.run(
            self.inside(*command), env=env, capture_output=True, text=True, errors="replace", timeout=300
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *command: str | Path, log: Path, env: dict[str, str] | None = None) -> Program:
        """Starts a program that ends with the network at the latest."""
        program = Program(self.inside(*command), log, env)
        self._programs.append(program)
        return program

    def get(self, url: str, *arguments: str) -> str | None:
        """The body of a successful answer."""
        command = self.inside("curl", "--silent", "--fail", "--globoff", "--max-time", "60", *arguments, url)
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def close(self) -> None:
        """Ends what is left of it."""
        for program in reversed(self._programs):
            with contextlib.suppress(AssertionError):
                program.end()
        self._keeper.kill()
        self._keeper.wait()


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network for the length of a block."""
    opened = Network()
    try:
        yield opened
    finally:
        opened.close()


class Prometheus:
    """A real Prometheus within a network, with a configuration of the test's."""

    def __init__(self, network: Network, folder: Path, config: Path, address: str = "127.0.0.1:9090") -> None:
        need("prometheus")
        self._network, self._url = network, f"http://{address}"
        self.program = network.start(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
            "--storage.tsdb.retention.time=30d",
            log=folder / "prometheus.log",
        )
        until(lambda: network.get(f"{self._url}/-/ready"), "Prometheus is ready", self.program.said)

    def query(self, expression: str) -> list[dict]:
        """The vector that an expression yields now."""
        body = self._network.get(f"{self._url}/api/v1/query", "--get", "--data-urlencode", f"query={expression}")
        assert body is not None, f"{expression}:\n{self.program.said()}"
        return json.loads(body)["data"]["result"]

    def labels(self, expression: str, label: str) -> list[str]:
        """What a label says in each series of a vector."""
        return sorted(series["metric"].get(label, "") for series in self.query(expression))

    def value(self, expression: str) -> float | None:
        """The one number of an expression, if there is one."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression}: {found}"
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, expression: str) -> list[dict]:
        """Waits until an expression yields something."""
        return until(lambda: self.query(expression), expression, self.program.said)

    def alerts(self) -> dict[str, list[dict]]:
        """Alerts that fire, by name."""
        body = self._network.get(f"{self._url}/api/v1/alerts")
        assert body is not None, self.program.said()
        firing: dict[str, list[dict]] = {}
        for alert in json.loads(body)["data"]["alerts"]:
            if alert["state"] == "firing":
                firing.setdefault(alert["labels"]["alertname"], []).append(alert)
        return firing
