"""HAProxy before several servers of LTMC, as in docs/deployment, for tests."""

import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.artefacts import ROOT

CONFIGURATION = ROOT / "docs" / "deployment" / "haproxy.cfg"


def free_port() -> int:
    """A port of this machine that nobody has, and that no outgoing connection will be given."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.randrange(12_000, 32_000)
            probe.bind(("127.0.0.1", port))
            return port


class Balancer:
    """HAProxy, with the configuration that is shipped but for its servers, which are at these ports of this machine.

    Args:
        ports: of the servers; those that come later too.

    Attributes:
        port: where it listens.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = free_port()
        text = CONFIGURATION.read_text()
        before, _, _ = text.partition("    # Up to eight servers")
        servers = [f"    server s{number} 127.0.0.1:{port}" for number, port in enumerate(ports)]
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name, "haproxy.cfg")
        path.write_text(
            "\n".join([before.replace("bind :8765", f"bind 127.0.0.1:{self.port}"), *servers, ""])
        )
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(path)], stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Balancer":
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise TimeoutError("haproxy does not listen")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._folder.cleanup()
