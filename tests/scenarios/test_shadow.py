"""The code that has said the half-year would say it again, word for word: the gate before a release can be passed."""

import asyncio
from pathlib import Path

import pytest

from infra.commands.mesh import HALF_YEAR
from infra.fleet import SERVICES
from infra.leash import Leash
from infra.mesh import rehearsal
from infra.play import Player
from infra.scenario import read
from infra.server import embedded
from tests.faults.half_year import Saboteur, no_harm
from tests.scenarios.running_mesh import Ran, run


async def play(data: Path) -> None:
    """The half-year, to its end; every service is drained."""
    async with rehearsal(print, data) as mesh:
        steps = read(HALF_YEAR.read_text(), HALF_YEAR.name)
        await Player(mesh.mesh, "half-year", Saboteur(mesh.fleet, no_harm)).play(steps)


@pytest.fixture(scope="module")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log that nobody is at."""
    data = tmp_path_factory.mktemp("half") / "year"
    asyncio.run(play(data))
    return data


async def _q2c(data: Path, *arguments: str) -> Ran:
    leash = Leash()
    try:
        async with embedded(data / "nats", leash) as url:
            return await asyncio.to_thread(run, *arguments, "--nats", url)
    finally:
        leash.close()


@pytest.mark.parametrize("service", SERVICES)
def test_the_half_year_would_be_said_again_word_for_word(service: str, half_year: Path) -> None:
    told = asyncio.run(_q2c(half_year, "shadow", "--service", service, "--clock", "scenario", "--json"))
    assert told.lines[:-1] == []
    (summary,) = told.lines
    assert summary["decided"] > 50
    assert (summary["skipped"], summary["unaccounted"], summary["sums"]) == (0, 0, [])
    assert told.code == 0, told.err
