"""The ceiling: one service's loop with a real actor beside a bare loop that only pulls and commits."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from contracts.commercial import RegisterCustomer, SetCreditLimit, UpdateCustomer
from contracts.message import Message
from contracts.money import Money
from infra.processes import Process
from tests.bench.loops import Ground, ground, said
from tests.bench.rounds import Measurement, Round, Sizes

CUSTOMERS = 4_000
"""How many customers take turns: each is heard again and again, as in a firm with so many of them."""


def registrations(customers: int) -> Iterator[tuple[str, Message]]:
    for number in range(customers):
        registered = RegisterCustomer(legal_name=f"Customer {number} AG", country="DE", tax_id="DE136695976")
        yield f"C{number}", registered


def changes(customers: int, messages: int, turn: int) -> Iterator[tuple[str, Message]]:
    """Commands that each change something, so that each is answered with one event."""
    for number in range(messages):
        again, customer = divmod(number, customers)
        value = f"{turn:04}{again:04}"
        if (customer + again) % 2:
            yield f"C{customer}", SetCreditLimit(limit=Money(f"1{value}", "EUR"), decided_by="M. Jones, CFO")
        else:
            yield f"C{customer}", UpdateCustomer(email=f"office-{value}@customer.example")


def bodies(messages: Iterator[tuple[str, Message]], turn: int) -> Iterator[tuple[str, bytes]]:
    for number, (key, message) in enumerate(messages):
        yield said(message, key, f"bench-{turn}-{number}")


@asynccontextmanager
async def opened(sizes: Sizes, folder: Path) -> AsyncIterator[Round]:
    """Each loop on a log of its own with the same commands: the one must not see what the other says."""
    customers = min(CUSTOMERS, sizes.loop_messages)
    async with ground(folder / "real") as real, ground(folder / "bare") as bare:
        commercial = await real.serve("commercial", "services.commercial.app:app", Q2C_CLOCK="scenario")
        pulling = await bare.run("bare", "-m", "tests.bench.bare", bare.url, str(customers))
        turn = 0

        async def play(ground: Ground, process: Process, service: str) -> tuple[float, float]:
            """Messages a second, and CPU seconds of the process a message."""
            messages = sizes.loop_messages if turn else customers
            work = changes(customers, messages, turn) if turn else registrations(customers)
            spent = await ground.spent(process, work=bodies(work, turn), service=service)
            return messages / spent.seconds, spent.cpu / messages

        async def both() -> Mapping[str, float | str]:
            nonlocal turn
            turn += 1
            real_rate, real_cpu = await play(real, commercial, "commercial")
            bare_rate, bare_cpu = await play(bare, pulling, "bare")
            return {
                "ceiling_ratio": real_rate / bare_rate,
                "loop_messages_per_s": real_rate,
                "bare_messages_per_s": bare_rate,
                "loop_cpu_us": real_cpu * 1e6,
                "bare_cpu_us": bare_cpu * 1e6,
            }

        await play(real, commercial, "commercial")
        await play(bare, pulling, "bare")
        yield both


CEILING = Measurement("ceiling", opened)
