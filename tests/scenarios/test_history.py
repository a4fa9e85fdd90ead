"""The log of the half-year is heard again: by the code that has said it, by changed code, and for one actor alone."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from infra.commands.mesh import HALF_YEAR
from infra.fleet import ROOT, SERVICES
from infra.mesh import rehearsal
from infra.play import Player
from infra.scenario import read
from tests.conftest import NatsServer, free_port
from tests.faults.half_year import Saboteur, no_harm
from tests.scenarios.running_mesh import Ran, run

PAYMENT = "finance/payment/ACME/PAY-A-1"
RULE = "ratio(message.amount.value, exact(rate))"
"""How a payment is valued in the currency of the books."""


class HalfYear(NamedTuple):
    """A log at which no service is any more, and the folder of their working copies."""

    url: str
    data: Path

    def q2c(self, *arguments: str, code: Path = ROOT) -> Ran:
        return run(*arguments, "--nats", self.url, code=code)


async def play(data: Path) -> None:
    async with rehearsal(print, data) as mesh:
        steps = read(HALF_YEAR.read_text(), HALF_YEAR.name)
        await Player(mesh.mesh, "half-year", Saboteur(mesh.fleet, no_harm)).play(steps)


@pytest.fixture(scope="module")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HalfYear]:
    data, folder = tmp_path_factory.mktemp("played") / "half-year", tmp_path_factory.mktemp("server")
    asyncio.run(play(data))
    (folder / "js").symlink_to(data / "nats")
    server = NatsServer(folder, free_port())
    server.start()
    try:
        yield HalfYear(server.url, data)
    finally:
        server.stop()


@pytest.mark.parametrize("service", SERVICES)
def test_the_half_year_would_be_said_again_word_for_word(service: str, half_year: HalfYear) -> None:
    told = half_year.q2c("shadow", "--service", service, "--clock", "scenario", "--json")
    assert told.code == 0, told.err
    (summary,) = told.lines
    assert summary["decided"] > 50
    assert (summary["skipped"], summary["unaccounted"], summary["sums"]) == (0, 0, [])


@pytest.fixture(scope="module")
def changed_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every payment in the currency of the books is one more."""
    folder = tmp_path_factory.mktemp("changed")
    for package in ("contracts", "infra", "services", "shared"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / "services" / "finance" / "payment.py"
    text = module.read_text()
    assert text.count(RULE) == 1
    module.write_text(text.replace(RULE, f"{RULE} + 1"))
    return folder


def test_a_changed_rule_is_told_by_message_and_by_the_sum_of_its_amounts(
    half_year: HalfYear, changed_code: Path
) -> None:
    name = "finance.payment.received.v1"
    payments = half_year.q2c("watch", "--no-follow", "--since", "1", "--type", name, "--json").lines
    told = half_year.q2c("shadow", "--service", "finance", "--clock", "scenario", "--json", code=changed_code)
    assert told.code == 1
    assert f"finance would speak differently in {len(payments)} places" in told.err
    *differences, summary = told.lines
    assert [one["said"][0]["data"] | {"type": name} for one in differences] == [one["data"] for one in payments]
    for one in differences:
        (said,), (instead,) = one["said"], one["instead"]
        was, would = said["data"].pop("functional_amount"), instead["data"].pop("functional_amount")
        assert float(would["amount"]) == float(was["amount"]) + 1
        assert said["data"] == instead["data"]
    more = {(one["field"], one["more"]["currency"]): float(one["more"]["amount"]) for one in summary["sums"]}
    in_euro = sum(one["said"][0]["amounts"][-1]["currency"] == "EUR" for one in differences)
    assert {key: amount for key, amount in more.items() if amount} == {
        ("functional_amount", "EUR"): in_euro,
        ("functional_amount", "GBP"): len(payments) - in_euro,
    }


def test_a_changed_rule_is_judged_only_from_where_one_says(half_year: HalfYear, changed_code: Path) -> None:
    shadow = ("shadow", "--service", "finance", "--clock", "scenario", "--since")
    told = half_year.q2c(*shadow, "2026-06-30", code=changed_code)
    assert told.code == 1
    assert "payment received" in told.out
    assert "finance/payment/ACME/PAY-A-5" in told.out
    assert "PAY-A-4" not in told.out
    passed = half_year.q2c(*shadow, "2027-01-01", code=changed_code)
    assert passed.code == 0, passed.err
    assert "the same, word for word" in passed.out


def test_an_actor_is_told_as_its_service_has_it(half_year: HalfYear) -> None:
    told = half_year.q2c("travel", "--actor", PAYMENT, "--json")
    assert told.code == 0, told.err
    with closing(sqlite3.connect(half_year.data / "finance" / "finance.sqlite3")) as file:
        row = "select state, sequence from actor where entity = 'payment' and key = 'ACME' and id = 'PAY-A-1'"
        ((state, sequence),) = file.execute(row).fetchall()
    assert told.json["state"] == msgspec.json.decode(state)
    facts = told.json["facts"]
    assert facts[-1]["sequence"] == sequence
    assert [fact["type"] for fact in facts] == ["finance.payment.received.v1", "finance.payment.applied.v1"]
    assert facts[0]["amounts"][0] == {"field": "amount", "amount": "214200.00", "currency": "EUR"}


def test_an_actor_is_told_as_it_was(half_year: HalfYear) -> None:
    first = half_year.q2c("travel", "--actor", PAYMENT, "--json").json["facts"][0]
    told = half_year.q2c("travel", "--actor", PAYMENT, "--at", str(first["sequence"]))
    assert told.code == 0, told.err
    assert "payment received" in told.out
    assert "amount 214,200.00 EUR" in told.out
    assert "payment applied" not in told.out
    before = half_year.q2c("travel", "--actor", PAYMENT, "--at", "2026-02-19")
    assert before.code == 1
    assert f"{PAYMENT} had said nothing by then" in before.err
    assert half_year.q2c("travel", "--actor", PAYMENT, "--at", "2026-02-20", "--json").json["facts"][0] == first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shadow", "--service", "marketing"), "there is no service marketing: it is one of commercial, delivery"),
        (("shadow", "--service", "finance", "--since", "March"), "--since March is neither a log sequence nor a time"),
        (("travel", "--actor", "finance/payment/PAY-A-1"), "is not an actor such as finance/invoice/ACME/INV-1"),
        (("travel", "--actor", "finance/ship/ACME/S-1"), "finance has no entity ship: it has accounting_period"),
    ],
)
def test_what_cannot_be_read_again_is_told(half_year: HalfYear, arguments: tuple[str, ...], told: str) -> None:
    ended = half_year.q2c(*arguments)
    assert told in ended.err
    assert ended.code == 2
