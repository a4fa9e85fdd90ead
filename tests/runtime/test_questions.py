"""Questions: answered from committed state, at a position when asked to, and with one sentence when not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import wire
from contracts.observability import ClockTicked
from shared import clock, telemetry
from shared.log import Log
from shared.service import Service, service
from tests.conftest import NatsServer
from tests.runtime.tally import counter, history
from tests.runtime.tally.app import TYPES


@asynccontextmanager
async def running(app: Service) -> AsyncIterator[None]:
    """`app` in a task of its own, from ready to drained."""
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with app.start_lifespan_context():
            started.set()
            await over.wait()

    task = asyncio.create_task(run())
    await started.wait()
    await app.until_ready()
    yield
    over.set()
    await task


@pytest.fixture
async def nc(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A connection to a mesh of one service, in this process."""
    monkeypatch.setattr(telemetry, "configure", lambda *_, **__: None)
    for name, value in {"Q2C_NATS": nats_server.url, "Q2C_DATA": str(tmp_path), "Q2C_PARTITIONS": "4"}.items():
        monkeypatch.setenv(name, value)
    async with running(service("tally", counter, projections=(history,), types=TYPES)):
        yield nats_client


async def add(nc: Client, key: str, amount: int) -> int:
    said = await Log(nc, 4).say(f"q2c.cmd.tally.counter.add.v1.{key}", b'{"amount": %d}' % amount)
    return said.sequence


async def ask(nc: Client, subject: str, body: bytes = b"{}", after: int | str | None = None) -> Msg:
    headers = None if after is None else {"Q2c-After": str(after)}
    return await nc.request(f"q2c.ask.tally.{subject}", body, headers=headers, timeout=30)


def refusal(reply: Msg) -> tuple[str, str]:
    """Code and sentence of an answer that is none; the body says the same as the headers."""
    assert reply.headers is not None
    body: dict[str, Any] = json.loads(reply.data)
    assert body == {"error": reply.headers["Nats-Service-Error"]}
    return reply.headers["Nats-Service-Error-Code"], body["error"]


async def test_an_actor_answers_from_its_state(nc: Client) -> None:
    heard = [await add(nc, "A", 2), await add(nc, "B", 5), await add(nc, "A", 3)]
    assert (await ask(nc, "counter.total.v1.A", after=heard[-1])).data == b'{"total":5}'
    assert (await ask(nc, "counter.total.v1.B", b'{"type": "tally.counter.total.v1"}')).data == b'{"total":5}'


async def test_an_actor_that_has_said_nothing_answers_from_its_initial_state(nc: Client) -> None:
    assert (await ask(nc, "counter.total.v1.NEW")).data == b'{"total":0}'


async def test_a_projection_answers_at_a_position(nc: Client) -> None:
    await add(nc, "A", 2)
    heard = await add(nc, "B", 5)
    answer = json.loads((await ask(nc, "history.list.v1.ANY", after=heard)).data)
    assert answer["position"] >= heard
    last = await Log(nc, 4).last()
    answer = json.loads((await ask(nc, "history.list.v1.ANY", after=last)).data)
    assert answer == {"amounts": [2, 5], "position": last}


async def test_a_position_is_reached_once_all_up_to_it_is_committed_and_projected(nc: Client) -> None:
    last = await add(nc, "A", 1)
    body = json.dumps({"sequence": last, "wait": 20}).encode()
    assert json.loads((await ask(nc, "runtime.position.v1.ANY", body)).data) == {"ready": True, "sequence": last}
    assert (await ask(nc, "counter.total.v1.A")).data == b'{"total":1}'


async def test_a_position_that_is_not_on_the_log_yet_is_not_reached(nc: Client) -> None:
    reply = await ask(nc, "runtime.position.v1.ANY", b'{"sequence": 999999}')
    assert json.loads(reply.data) == {"ready": False, "sequence": 999999}


async def test_parked_actors_are_listed_with_what_waits(nc: Client) -> None:
    first = await add(nc, "A", 13)
    second = await add(nc, "A", 1)
    (parked,) = json.loads((await ask(nc, "runtime.parked.v1.ANY", after=second)).data)["actors"]
    assert (parked["entity"], parked["key"], parked["actor"]) == ("counter", "A", "A")
    assert "13 cannot be counted" in parked["reason"]
    assert [waiting["sequence"] for waiting in parked["waiting"]] == [first, second]


async def test_a_rebuilt_working_copy_is_the_same(nc: Client) -> None:
    heard = [await add(nc, key, amount) for key, amount in (("A", 1), ("B", 2), ("C", 13), ("A", 4))]
    verified = json.loads((await ask(nc, "runtime.verify.v1.ANY", after=heard[-1])).data)
    assert (verified["differences"], verified["actors"]) == ([], 2)
    assert verified["sequence"] >= heard[-1]


@pytest.mark.parametrize(
    ("subject", "body", "code", "sentence"),
    [
        ("counter.total.v1.A", b'{"at_least": "many"}', "400", "at `$.at_least`"),
        ("counter.total.v1.A", b"{", "400", "truncated"),
        ("counter.total.v1.A.B.C", b"{}", "400", "tokens"),
        ("counter.count.v1.A", b"{}", "400", "there is no message named tally.counter.count.v1"),
        ("counter.total.v1.A", b'{"at_least": -1}', "500", "which is a bug"),
    ],
)
async def test_a_question_that_has_no_answer_is_told_why(
    nc: Client, subject: str, body: bytes, code: str, sentence: str
) -> None:
    told, reason = refusal(await ask(nc, subject, body))
    assert told == code
    assert sentence in reason


async def test_a_projection_that_stands_still_says_so_instead_of_answering(nc: Client) -> None:
    heard = await add(nc, "A", -99)
    await ask(nc, "counter.total.v1.A", after=heard)
    last = await Log(nc, 4).last()
    sentence = "projection history cannot project sequence"
    code, reason = refusal(await ask(nc, "history.list.v1.ANY", after=last))
    assert (code, sentence in reason) == ("500", True)
    body = json.dumps({"sequence": last, "wait": 20}).encode()
    assert sentence in refusal(await ask(nc, "runtime.position.v1.ANY", body))[1]
    assert sentence in refusal(await ask(nc, "history.list.v1.ANY"))[1]
    assert (await ask(nc, "counter.total.v1.A", after=last)).data == b'{"total":-99}'


async def test_an_answer_after_something_that_is_no_sequence_is_refused(nc: Client) -> None:
    assert refusal(await ask(nc, "counter.total.v1.A", after="soon")) == (
        "400",
        "the header Q2c-After must be a log sequence, not 'soon'",
    )


async def test_what_is_only_published_and_not_asked_is_passed_over(nc: Client) -> None:
    await nc.publish("q2c.ask.tally.counter.total.v1.A", b"{")
    assert (await ask(nc, "counter.total.v1.A")).data == b'{"total":0}'


async def test_the_service_of_the_clock_says_the_minute_once_however_many_say_it(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "configure", lambda *_, **__: None)
    for name, value in {"Q2C_NATS": nats_server.url, "Q2C_DATA": str(tmp_path), "Q2C_PARTITIONS": "4"}.items():
        monkeypatch.setenv(name, value)
    log = Log(nats_client, 4)
    ticks = log.pull(["q2c.evt.observability.clock.>"], 0)
    async with running(service("observability", types=TYPES)):
        (tick,) = await ticks.batch(1)
    heard = wire.hear(tick, TYPES)
    assert isinstance(heard, ClockTicked)
    assert heard.at == heard.instant == clock.minute_of(heard.instant)
    assert heard.id == clock.id_of(heard.instant)
    assert (await log.say(wire.subject(ClockTicked, "other"), tick.body, clock.id_of(heard.instant))).duplicate
    await ticks.close()
