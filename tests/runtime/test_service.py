"""A service as a process: it waits for what heals, refuses what does not, answers, and drains."""

import json
import os
import socket
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.log import Log
from shared.process import Undrained, ending
from shared.restore import RestoreFailed
from shared.settings import WrongSetting
from shared.store import StoreUnfit
from shared.stream import LogUnfit
from tests.conftest import NatsServer, free_port
from tests.runtime.processes import Tally

PARTITIONS = 4


async def add(nc: Client, key: str, amount: int) -> int:
    """Tell the tally to add; the log sequence of the command."""
    said = await Log(nc, PARTITIONS).say(f"q2c.cmd.tally.counter.add.v1.{key}", b'{"amount": %d}' % amount)
    return said.sequence


async def ask(nc: Client, name: str, key: str, body: bytes = b"{}", **headers: str) -> bytes:
    sent = {header.replace("_", "-"): value for header, value in headers.items()}
    return (await nc.request(f"q2c.ask.{name}.{key}", body, headers=sent or None, timeout=30)).data


async def test_a_service_becomes_ready_answers_from_what_it_heard_and_drains(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with Tally(nats_server.url, tmp_path / "data") as tally:
        await tally.says('"ready"')
        assert await tally.get("/live") == (200, {"service": "tally", "live": True})
        assert await tally.get("/ready") == (
            200,
            {"service": "tally", "ready": True, "waits_for": [], "holds": [0, 1, 2, 3], "stand_by": False},
        )
        await add(nats_client, "A", 2)
        heard = await add(nats_client, "A", 3)
        assert await ask(nats_client, "tally.counter.total.v1", "A", Q2c_After=str(heard)) == b'{"total":5}'
        tally.ask_to_stop()
        assert await tally.exit_code() == 0, "\n".join(tally.lines)
        assert tally.last_words()["event"] == "drained"


async def test_a_service_goes_on_where_it_was_with_and_without_its_files(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    for folder in ("kept", "kept", "fresh"):
        async with Tally(nats_server.url, tmp_path / folder) as tally:
            await tally.says('"ready"')
            heard = await add(nats_client, "A", 1)
            total = await ask(nats_client, "tally.counter.total.v1", "A", Q2c_After=str(heard))
            tally.ask_to_stop()
            assert await tally.exit_code() == 0, "\n".join(tally.lines)
    assert total == b'{"total":3}'


async def test_a_service_waits_for_a_nats_server_that_is_not_there_yet(
    own_nats_server: NatsServer, tmp_path: Path
) -> None:
    server = own_nats_server
    server.stop()
    with_password = server.url.replace("//", "//me:secret@")
    async with Tally(with_password, tmp_path / "data") as tally:
        line = await tally.says("trying again")
        assert server.url in line
        assert (await tally.get("/live"))[0] == 200
        assert await tally.get("/ready") == (
            503,
            {
                "service": "tally",
                "ready": False,
                "waits_for": ["nats-server is not reachable"],
                "holds": [],
                "stand_by": False,
            },
        )
        server.start()
        await tally.says("run `q2c provision`")
        status, body = await tally.get("/ready")
        assert (status, body["waits_for"]) == (503, ["there is no stream Q2C: run `q2c provision`"])
        await (await server.fresh(PARTITIONS)).close()
        await tally.says('"ready"')
        assert (await tally.get("/ready"))[0] == 200
    assert "secret" not in "\n".join(tally.lines)


async def test_a_service_that_waits_for_nats_server_can_be_stopped(tmp_path: Path) -> None:
    async with Tally(f"nats://127.0.0.1:{free_port()}", tmp_path / "data") as tally:
        await tally.says("trying again")
        tally.ask_to_stop()
        assert await tally.exit_code() == 0, "\n".join(tally.lines)


async def test_a_service_that_waits_for_the_stream_can_be_stopped(own_nats_server: NatsServer, tmp_path: Path) -> None:
    async with Tally(own_nats_server.url, tmp_path / "data") as tally:
        await tally.says("run `q2c provision`")
        tally.ask_to_stop()
        assert await tally.exit_code() == 0, "\n".join(tally.lines)


async def test_a_service_outlives_a_restart_of_nats_server(own_nats_server: NatsServer, tmp_path: Path) -> None:
    await (await own_nats_server.fresh(PARTITIONS)).close()
    async with Tally(own_nats_server.url, tmp_path / "data") as tally:
        await tally.says('"ready"')
        own_nats_server.stop()
        await tally.says("trying again")
        assert (await tally.get("/ready"))[1]["waits_for"] == ["nats-server is not reachable"]
        own_nats_server.start()
        await tally.says("connected again")
        nc = await own_nats_server.client()
        heard = await add(nc, "A", 7)
        assert await ask(nc, "tally.counter.total.v1", "A", Q2c_After=str(heard)) == b'{"total":7}'
        await nc.close()
        tally.ask_to_stop()
        assert await tally.exit_code() == 0, "\n".join(tally.lines)


async def test_a_service_can_be_stopped_while_nats_server_is_away(own_nats_server: NatsServer, tmp_path: Path) -> None:
    await (await own_nats_server.fresh(PARTITIONS)).close()
    async with Tally(own_nats_server.url, tmp_path / "data") as tally:
        await tally.says('"ready"')
        own_nats_server.stop()
        await tally.says("trying again")
        tally.ask_to_stop()
        assert await tally.exit_code() == 0, "\n".join(tally.lines)


async def test_a_wrong_setting_is_named_and_ends_the_process(tmp_path: Path) -> None:
    async with Tally("nats://127.0.0.1:1", tmp_path / "data", Q2C_CLOCK="sundial") as tally:
        assert await tally.exit_code() == os.EX_CONFIG
        assert tally.last_words()["event"] == "Q2C_CLOCK must be wall or scenario, not 'sundial'"


async def test_a_log_with_other_partitions_than_set_is_refused(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    assert nats_client.is_connected
    async with Tally(nats_server.url, tmp_path / "data", Q2C_PARTITIONS="8") as tally:
        assert await tally.exit_code() == os.EX_CONFIG
        assert tally.last_words()["event"] == "Q2C_PARTITIONS must be 4, with which the log was made"


async def test_a_taken_port_is_named_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        async with Tally("nats://127.0.0.1:1", tmp_path / "data", port) as tally:
            assert await tally.exit_code() == os.EX_UNAVAILABLE
            assert tally.last_words()["event"].startswith(f"port {port} on 127.0.0.1 is not to be had (address already")
    assert not (tmp_path / "data").exists()


async def test_a_data_folder_that_cannot_be_used_is_named(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    assert nats_client.is_connected
    (tmp_path / "file").write_text("in the way")
    async with Tally(nats_server.url, tmp_path / "file" / "data") as tally:
        assert await tally.exit_code() == os.EX_IOERR
        assert "choose another Q2C_DATA" in tally.last_words()["event"]


async def test_a_data_folder_in_use_is_named(nats_server: NatsServer, nats_client: Client, tmp_path: Path) -> None:
    assert nats_client.is_connected
    async with Tally(nats_server.url, tmp_path / "data") as first:
        await first.says('"ready"')
        async with Tally(nats_server.url, tmp_path / "data") as second:
            assert await second.exit_code() == os.EX_IOERR
            assert "in use by another process" in second.last_words()["event"]


async def test_a_full_disk_ends_the_process_and_loses_nothing(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    async with Tally(nats_server.url, tmp_path / "data", file_limit=150_000) as tally:
        await tally.says('"ready"')
        for number in range(400):
            heard = await add(nats_client, f"K{number}", number)
        assert await tally.exit_code() == os.EX_IOERR
        assert "cannot be written" in tally.last_words()["event"]
    async with Tally(nats_server.url, tmp_path / "data") as tally:
        await tally.says('"ready"')
        assert await ask(nats_client, "tally.counter.total.v1", "K399", Q2c_After=str(heard)) == b'{"total":399}'
        verified = json.loads(await ask(nats_client, "tally.runtime.verify.v1", "ANY"))
        assert (verified["actors"], verified["differences"]) == (399, [])  # 13 parks its counter


async def test_a_loop_that_breaks_ends_the_process_with_one_line_that_says_so(
    nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    assert nats_client.is_connected
    async with Tally(nats_server.url, tmp_path / "data", app="tests.runtime.tally.faulty:app") as tally:
        assert await tally.exit_code() == os.EX_SOFTWARE
        last = tally.last_words()
        assert last["event"] == "stopped by a bug: RuntimeError('the loop broke')"
        assert "in run" in last["exception"]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (WrongSetting("Q2C_LOG must be …"), os.EX_CONFIG),
        (LogUnfit("nats-server 2.11.0 is too old: the mesh needs 2.15 or newer"), os.EX_PROTOCOL),
        (RestoreFailed("sequence 7 cannot be folded"), os.EX_DATAERR),
        (ExceptionGroup("tasks", [ExceptionGroup("tasks", [StoreUnfit("no space")])]), os.EX_IOERR),
        (Undrained("too long"), os.EX_TEMPFAIL),
    ],
)
def test_a_problem_ends_a_process_with_its_own_sentence_and_code(problem: Exception, code: int) -> None:
    told = ending(problem)
    assert (told.code, told.bug) == (code, False)
    assert told.sentence in repr(problem)
