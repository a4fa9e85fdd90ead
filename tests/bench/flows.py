"""Whole flows: quotes become cash through all four services, as many as go, and then at half that load."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from contracts import wire
from contracts.commercial import AgreementActivated
from contracts.finance import InvoiceIssued, InvoicePaid
from contracts.message import name_of
from infra.mesh import Embedded, rehearsal
from tests.bench import journey, machine
from tests.bench.figures import percentile
from tests.bench.rounds import Measurement, Round, Sizes

_WARM_UP = 20
"""Flows before anything is measured."""


class Customers:
    """Everybody outside the mesh: signs quotes, accepts the work, pays the invoices."""

    def __init__(self, running: Embedded) -> None:
        self.invoiced: dict[int, float] = {}
        """When each flow's invoice was seen, on this process's clock."""
        self._mesh = running.mesh
        self._open: set[int] = set()
        self._all_paid = asyncio.Event()

    async def live(self, after: int) -> None:
        """React to what the mesh says, for ever."""
        log = self._mesh.log
        names = [name_of(item) for item in (AgreementActivated, InvoiceIssued, InvoicePaid)]
        pull = log.pull([f"q2c.evt.{name}.*.*" for name in names], after)
        try:
            while True:
                for received in await pull.batch(1000):
                    await self._hear(received)
        finally:
            await pull.close()

    async def _hear(self, received: wire.Received) -> None:
        match wire.hear(received, wire.catalogue()):
            case AgreementActivated(agreement_id=agreement):
                for message in journey.delivered(journey.flow_of(agreement)):
                    await self._say(message)
            case InvoiceIssued(agreement_id=agreement) as invoice:
                flow = journey.flow_of(agreement)
                self.invoiced[flow] = time.perf_counter()
                await self._say(journey.paid(flow, invoice))
            case InvoicePaid(agreement_id=agreement):
                self._open.discard(journey.flow_of(agreement))
                if not self._open:
                    self._all_paid.set()
            case _:
                pass  # no other fact is followed

    async def _say(self, message: journey.Said) -> None:
        """Without waiting until the log has it: what is lost would be missed at the end."""
        await self._mesh.connection.publish(*message)

    async def sign(self, flow: int) -> None:
        """From here on the flow is the mesh's affair."""
        self._open.add(flow)
        self._all_paid.clear()
        await self._say(journey.offered(flow))
        await self._say(journey.accepted(flow))

    async def all_paid(self) -> None:
        """Until every signed quote has become cash, and nobody has anything more to say."""
        await self._all_paid.wait()
        await self._mesh.quiet()


async def burst(flows: range, customers: Customers, running: Embedded) -> Mapping[str, float]:
    """All at once: how many the mesh gets through."""
    log, before = running.mesh.log, await running.mesh.log.last()
    pids = [machine.child_with(str(running.fleet.data / "nats")), *map(running.fleet.pid, running.mesh.services)]
    cpu, begun = machine.cpu_seconds(pids), time.perf_counter()
    for flow in flows:
        await customers.sign(flow)
    await customers.all_paid()
    seconds = time.perf_counter() - begun
    cpu = machine.cpu_seconds(pids) - cpu
    messages = await log.count(["q2c.cmd.>", "q2c.evt.>"], before)
    return {
        "flows_per_s": len(flows) / seconds,
        "events_per_s": messages / seconds,
        "cpu_s_per_flow": cpu / len(flows),
    }


async def steady(flows: range, rate: float, customers: Customers) -> Mapping[str, float]:
    """At a rate that nothing slows down: each flow is due at its instant, and its wait counts from then."""
    chance = random.Random(flows.start)
    due: dict[int, float] = {}
    at = time.perf_counter()
    for flow in flows:
        at += chance.expovariate(rate)
        due[flow] = at
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        await customers.sign(flow)
    await customers.all_paid()
    waits = [(customers.invoiced[flow] - due[flow]) * 1000 for flow in flows]
    middle, late = percentile(waits, 0.5), percentile(waits, 0.99)
    return {
        "flow_p50_ms": middle,
        "flow_p99_ms": late,
        "flow_p999_ms": percentile(waits, 0.999),
        "flow_p99_over_p50": late / middle,
    }


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    async with rehearsal(lambda _: None, folder / "mesh") as running:
        for message in journey.firm():
            await running.mesh.connection.publish(*message)
        customers = Customers(running)
        living = asyncio.create_task(customers.live(await running.mesh.quiet()))
        signed = 0
        rates: list[float] = []

        def next_flows(count: int) -> range:
            nonlocal signed
            signed += count
            return range(signed - count, signed)

        async def play() -> Mapping[str, float | str]:
            fast = await burst(next_flows(sizes.flows), customers, running)
            rates.append(fast["flows_per_s"])
            return {**fast, **await steady(next_flows(sizes.flows), median(rates) / 2, customers)}

        await burst(next_flows(min(_WARM_UP, sizes.flows)), customers, running)
        try:
            yield play
        finally:
            living.cancel()
            await asyncio.wait([living])


FLOWS = Measurement("flows", opened)
