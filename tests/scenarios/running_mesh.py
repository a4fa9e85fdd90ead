"""A mesh as a developer runs it, `q2c up`, and the command as a script uses it."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from infra.fleet import ROOT

Q2C = (sys.executable, "-m", "infra.cli")


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class UpMesh(NamedTuple):
    """A running mesh: where it is reached, and where it keeps what it knows."""

    url: str
    data: Path
    services: dict[str, str]
    process: "subprocess.Popen[str]"

    def q2c(self, *arguments: str, given: str | None = None) -> Ran:
        """Run the command on this mesh."""
        return run(*arguments, "--nats", self.url, given=given)


def run(*arguments: str, given: str | None = None, code: Path = ROOT) -> Ran:
    """Run the command as it is in the folder `code`."""
    ended = subprocess.run(
        [*Q2C, *arguments], cwd=code, input=given, capture_output=True, text=True, timeout=90, check=False
    )
    return Ran(ended.returncode, ended.stdout, " ".join(ended.stderr.split()))


def up_command(data: Path, port: int, first: int, clock: str = "scenario") -> list[str]:
    given = ("--data", str(data), "--port", str(port), "--http", str(first), "--clock", clock, "--json")
    return [*Q2C, "up", *given]


def ports_in_a_row(count: int) -> int:
    """The first of some ports that nobody uses at this moment, below those that the system hands out."""
    first = random.randrange(20_000, 30_000)
    while any(_taken(first + place) for place in range(count)):
        first = random.randrange(20_000, 30_000)
    return first


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@contextmanager
def up(data: Path, clock: str = "scenario", **environment: str) -> Iterator[UpMesh]:
    """`q2c up` in a folder, with these environment variables besides, until the block ends."""
    first = ports_in_a_row(5)
    command = up_command(data, first, first + 1, clock)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        told = process.stdout.readline()
        if not told:
            raise AssertionError(f"the mesh did not come up: {process.stderr.read()}")
        running = json.loads(told)
        try:
            yield UpMesh(running["nats"], data, running["services"], process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
