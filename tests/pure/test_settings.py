"""Settings: read once, wrong values refused by name in one sentence."""

import io
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from shared import clock, settings, telemetry
from shared.limits import Limits, Rate


def test_an_empty_environment_gives_a_mesh_on_one_laptop() -> None:
    given = settings.read({})
    assert given.servers == ["nats://127.0.0.1:4222"]
    assert given.owned == tuple(range(8))
    assert (given.clock, given.log, given.log_level) == ("wall", "auto", "info")


def test_every_setting_is_read_from_its_variable() -> None:
    given = settings.read(
        {
            "Q2C_NATS": "nats://a:1,tls://b:2",
            "Q2C_DATA": "/somewhere/else",
            "Q2C_PARTITIONS": "16",
            "Q2C_OWNS": "0-2,9,1",
            "Q2C_CLOCK": "scenario",
            "Q2C_PARKED_PER_ACTOR": "7",
            "Q2C_PARKED_PER_PARTITION": "70",
            "Q2C_STORM_WINDOW": "20",
            "Q2C_STORM_SHARE": "25",
            "Q2C_SNAPSHOT_MESSAGES": "5000",
            "Q2C_SNAPSHOT_MINUTES": "1",
            "Q2C_LARGEST": "2048",
            "Q2C_ACTOR_RATE": "1",
            "Q2C_ACTOR_BURST": "2",
            "Q2C_PUBLISHER_RATE": "3",
            "Q2C_PUBLISHER_BURST": "4",
            "Q2C_LOG": "json",
            "Q2C_LOG_LEVEL": "debug",
        }
    )
    assert given.servers == ["nats://a:1", "tls://b:2"]
    assert given.data == Path("/somewhere/else")
    assert (given.partitions, given.owned) == (16, (0, 1, 2, 9))
    assert (given.clock, given.log, given.log_level) == ("scenario", "json", "debug")
    assert (given.snapshot_messages, given.snapshot_minutes) == (5000, 1)
    assert given.limits == Limits(
        per_actor=7, per_partition=70, window=20, share=0.25, largest=2048, actor=Rate(1, 2), publisher=Rate(3, 4)
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings.read({"Q2C_PARTITIONS": " ", "Q2C_OWNS": ""}) == settings.read({})


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("Q2C_PARTITIONS", "many", "Q2C_PARTITIONS must be a whole number from 1 to 64, not 'many'"),
        ("Q2C_PARTITIONS", "0", "Q2C_PARTITIONS must be a whole number from 1 to 64, not '0'"),
        ("Q2C_PARTITIONS", "2.5", "Q2C_PARTITIONS must be a whole number from 1 to 64, not '2.5'"),
        ("Q2C_PARKED_PER_ACTOR", "0", "Q2C_PARKED_PER_ACTOR must be a number of messages, at least 1, not '0'"),
        ("Q2C_LARGEST", "1", "Q2C_LARGEST must be bytes from 1024 to 524288, not '1'"),
        ("Q2C_ACTOR_RATE", "0", "Q2C_ACTOR_RATE must be commands a second from 1 to 1000000, not '0'"),
        ("Q2C_STORM_SHARE", "101", "Q2C_STORM_SHARE must be a percentage from 1 to 100, not '101'"),
        ("Q2C_CLOCK", "sundial", "Q2C_CLOCK must be wall or scenario, not 'sundial'"),
        ("Q2C_LOG", "xml", "Q2C_LOG must be auto, console or json, not 'xml'"),
        ("Q2C_LOG_LEVEL", "loud", "Q2C_LOG_LEVEL must be debug, info, warning or error, not 'loud'"),
        ("Q2C_OWNS", "some", "Q2C_OWNS must be all, or partitions such as 0-3,6, not 'some'"),
        ("Q2C_OWNS", "3-1", "Q2C_OWNS must be all, or partitions such as 0-3,6, not '3-1': 3-1 runs backwards"),
        ("Q2C_OWNS", "7-8", "Q2C_OWNS must name partitions from 0 to 7 (Q2C_PARTITIONS is 8), not 8"),
    ],
)
def test_a_wrong_value_is_refused_by_name(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(settings.WrongSetting, match=re.escape(sentence)):
        settings.read({variable: value})


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(settings.WrongSetting) as refused:
        settings.read({"Q2C_NATS": "me:secret@host"})
    assert "Q2C_NATS" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_fleet_logs_one_json_object_a_line_with_other_peoples_lines_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    out = io.StringIO()
    telemetry.configure("finance", style="auto", level="info", stream=out)
    telemetry.logger("owner").info("claimed", partitions=8)
    telemetry.logger("owner").debug("not said at this level")
    logging.getLogger("nats.aio").warning("slow consumer")
    try:
        amount = "12345.67"
        raise RuntimeError("broken")
    except RuntimeError:
        telemetry.logger("owner").exception("stopped")
    assert amount not in out.getvalue()
    logging.captureWarnings(False)
    structlog.reset_defaults()
    ours, theirs, failed = map(json.loads, out.getvalue().splitlines())
    assert (ours["service"], ours["event"], ours["level"], ours["partitions"]) == ("finance", "claimed", "info", 8)
    assert (theirs["service"], theirs["event"], theirs["logger"]) == ("finance", "slow consumer", "nats.aio")
    assert "RuntimeError: broken" in failed["exception"]


def test_an_address_is_shown_without_user_and_password() -> None:
    assert telemetry.without_secrets("nats://me:secret@a:1,nats://b:2") == "nats://a:1,nats://b:2"


class Stop(Exception):
    """Ends a clock that would run for ever."""


async def test_the_wall_clock_says_each_minute_once_it_begins_and_survives_a_failure() -> None:
    wall = datetime(2026, 3, 31, 21, 58, 40, tzinfo=UTC)
    said: list[tuple[datetime, str]] = []
    slept: list[float] = []

    async def say(instant: datetime, identity: str) -> None:
        said.append((instant, identity))
        if len(said) == 1:
            raise ConnectionError("no connection")

    async def sleep(seconds: float) -> None:
        nonlocal wall
        slept.append(seconds)
        wall += timedelta(seconds=seconds)
        if len(slept) == 2:
            raise Stop

    with pytest.raises(Stop):
        await clock.wall_clock(say, lambda: wall, sleep)
    assert said == [
        (datetime(2026, 3, 31, 21, 58, tzinfo=UTC), "tick-2026-03-31T21:58Z"),
        (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), "tick-2026-03-31T21:59Z"),
    ]
    assert slept == [20.0, 60.0]
