"""Temporal: a workflow of 20 activities for each key, on the development server with a database file."""

import asyncio
import subprocess
import sysconfig
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from infra.leash import Leash
from infra.processes import start
from infra.server import HOST, free_ports
from tests.bench.peers.contender import PAYLOAD, STEPS, WARM_UP, NotHere, Work, advanced

QUEUE = "chains"
AT_ONCE = 200


@activity.defn
async def step(payload: str) -> str:
    return advanced(payload)


@workflow.defn
class Chain:
    """The state of its key is the workflow's own, recorded with the outcome of each activity."""

    @workflow.run
    async def run(self, payload: str) -> str:
        for _ in range(STEPS):
            payload = await workflow.execute_activity(step, payload, start_to_close_timeout=timedelta(minutes=1))
        return payload


def _binary() -> Path:
    found = Path(sysconfig.get_path("scripts")) / "temporal"
    if not found.is_file():
        raise NotHere("there is no temporal server: run `make setup-bench`")
    return found


def about() -> str:
    told = subprocess.run([_binary(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"{told}, start-dev with a database file (WAL, synchronous full), temporalio {version('temporalio')}, "
        f"pollers that scale themselves, {AT_ONCE} activities and workflow tasks at once, eager activities, no sandbox"
    )


async def run(work: Work) -> None:
    leash = Leash()
    (port,) = free_ports(1)
    command = [
        *(str(_binary()), "server", "start-dev", "--headless", "--ip", HOST, "--port", str(port)),
        *("--db-filename", str(work.folder / "temporal.sqlite3"), "--log-level", "error"),
        *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2"),
    ]
    try:
        server = await start("temporal", command, work.folder / "temporal.log", leash)
        try:
            await _play(await _client(port), work)
        finally:
            await server.stop()
    finally:
        leash.close()


async def _client(port: int) -> Client:
    while True:
        try:
            return await Client.connect(f"{HOST}:{port}")
        except RuntimeError:  # it does not listen yet
            await asyncio.sleep(0.1)


async def _play(client: Client, work: Work) -> None:
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Chain],
        activities=[step],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_activities=AT_ONCE,
        max_concurrent_workflow_tasks=AT_ONCE,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    async with worker:
        await _chains(client, "warm", WARM_UP)
        with work.timed():
            await _chains(client, "chain", work.chains)


async def _chains(client: Client, name: str, count: int) -> None:
    await asyncio.gather(
        *(
            client.execute_workflow(Chain.run, PAYLOAD, id=f"{name}-{number}", task_queue=QUEUE)
            for number in range(count)
        )
    )
