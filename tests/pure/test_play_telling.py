"""A message is told in one line: when, by whom, what, about what, how much, and why not."""

import time
from datetime import UTC, datetime
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from contracts.message import Context
from contracts.observability import ClockTicked
from contracts.wire import Received, envelope
from infra.progress import Progress
from infra.reading import Heard, as_json, heard
from infra.scenario import Note, Quiet, Step
from infra.screen import line, show_line, watched

AT = datetime(2026, 1, 30, 15, tzinfo=UTC)


def message(type_: str, data: object, *, sequence: int = 7, journey: str = "J-1", key: str = "ACME") -> Heard:
    return Heard(sequence, type_, "evt", key, f"id-{sequence}", "/finance", AT, journey, None, data)


ISSUED = message(
    "finance.invoice.issued.v1",
    {
        "invoice_id": "SOW-A-M1",
        "number": "DE01-000001",
        "agreement_id": "SOW-A",
        "totals": {
            "net": {"amount": "180000.00", "currency": "EUR"},
            "gross": {"amount": "214200.00", "currency": "EUR"},
        },
    },
)


def test_a_fact_tells_what_it_is_about_and_its_amounts() -> None:
    told = line(ISSUED).plain
    assert told.startswith("30 Jan 2026 15:00Z  finance")
    assert "invoice issued" in told
    assert "DE01-000001" in told
    assert "gross 214,200.00 EUR, net 180,000.00 EUR" in told


def test_bad_news_tells_its_reason() -> None:
    refused = message(
        "commercial.quote.refused.v1", {"quote_id": "Q-E", "reason": "CREDIT_LIMIT", "detail": "80,000.00 EUR"}
    )
    assert line(refused).plain.endswith("CREDIT_LIMIT: 80,000.00 EUR")


def test_a_message_that_is_watched_tells_its_place_and_key() -> None:
    assert watched(ISSUED).plain.split()[:2] == ["7", "ACME"]


def test_what_is_stored_is_read_without_its_contract() -> None:
    context = Context(id="tick-1", source="/outside", key="clock", at=AT, correlation="tick-1", cause="m-0")
    body = envelope(ClockTicked(instant=AT), context)
    found = heard(Received("q2c.evt.observability.clock.ticked.v1.3.clock", body, 9))
    assert (found.sequence, found.type, found.key, found.id, found.cause) == (
        9,
        "observability.clock.ticked.v1",
        "clock",
        "tick-1",
        "m-0",
    )
    assert found.data == {"type": "observability.clock.ticked.v1", "instant": "2026-01-30T15:00:00Z"}
    assert not found.is_fact


def test_bare_and_broken_bodies_are_read_too() -> None:
    bare = heard(
        Received(
            "q2c.cmd.finance.payment.record.v1.3.ACME", b'{"payment_id": "P-1"}', 4, headers={"Nats-Msg-Id": "bank-1"}
        )
    )
    assert (bare.id, bare.kind, bare.data) == ("bank-1", "cmd", {"payment_id": "P-1"})
    broken = heard(Received("q2c.cmd.finance.payment.record.v1.3.ACME", b"\xff{", 5))
    assert (broken.id, broken.source) == ("Q2C:5", "/outside")
    assert as_json(bare).startswith('{"sequence":4,')


@pytest.mark.parametrize(
    "body",
    [
        b'{"specversion":"1.0","time":"the day after"}',
        b'{"specversion":"1.0","time":"9999-12-31T23:59:00-14:00","id":5,"causationid":[]}',
        b'{"specversion":"1.0","time":"2026-01-30T15:00:00"}',
        b"[" * 100_000,
    ],
)
def test_whatever_an_envelope_claims_it_can_be_told(body: bytes) -> None:
    found = heard(Received("q2c.evt.finance.payment.applied.v1.3.ACME", body, 9, int(AT.timestamp()) * 10**9))
    assert found.time == AT
    assert watched(found).plain


def test_a_half_year_is_shown_in_chapters_and_by_journey() -> None:
    out = StringIO()
    progress = Progress(Console(file=out, width=200, highlight=False))
    progress.begun(Step(1, Note(note="A. Fixed fee")))
    progress.heard(message("commercial.quote.submitted.v1", {"quote_id": "Q-A"}, sequence=1))
    progress.heard(
        message("finance.invoice.issued.v1", {"number": "UK01-000001"}, sequence=2, journey="J-2", key="CARGO")
    )
    progress.heard(ISSUED)
    progress.heard(message("observability.clock.ticked.v1", {"instant": "2026-01-30T15:00:00Z"}, key="clock"))
    progress.done()
    lines = [text.rstrip() for text in out.getvalue().splitlines() if text.strip()]
    assert lines[0] == "A. Fixed fee"
    assert lines[1].strip() == "ACME Q-A"
    assert "quote submitted" in lines[2]
    assert "invoice issued" in lines[3]
    assert lines[3].endswith("ms")
    assert lines[4].strip() == "the firm"
    assert len(lines) == 6
    assert progress.facts == 3


def test_the_time_a_fact_took_is_counted_from_what_set_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a later step has begun meanwhile."""
    now = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    out = StringIO()
    progress = Progress(Console(file=out, width=200))
    progress.heard(message("finance.invoice.issued.v1", {"number": "1"}, sequence=1))
    progress.begun(Step(2, Quiet(quiet=True)))
    progress.heard(msgspec.structs.replace(message("finance.invoice.paid.v1", {"number": "2"}), cause="id-1"))
    progress.heard(msgspec.structs.replace(message("finance.invoice.paid.v1", {"number": "3"}), cause="a-wake"))
    progress.done()
    took = [line.split()[-2] for line in out.getvalue().splitlines() if "invoice paid" in line]
    assert took == ["+2000", "+2000"]


def test_a_line_is_closed_up_and_goes_on_below_on_a_narrow_terminal_and_stays_one_elsewhere() -> None:
    terminal, file = StringIO(), StringIO()
    show_line(Console(file=terminal, width=80, force_terminal=True, color_system=None, soft_wrap=True), line(ISSUED))
    show_line(Console(file=file, width=80, soft_wrap=True), line(ISSUED))
    first, second = terminal.getvalue().splitlines()
    assert max(len(first), len(second)) <= 80
    assert second.startswith("      ")
    assert "net 180,000.00 EUR" in second
    assert f"{first} {second}".split() == file.getvalue().split()
    assert len(file.getvalue().splitlines()) == 1


def test_noughts_are_told_only_if_there_is_nothing_else() -> None:
    price, nought = {"amount": "10000.00", "currency": "EUR"}, {"amount": "0.00", "currency": "EUR"}
    priced = message("commercial.quote.priced.v1", {"quote_id": "Q-F", "total": price, "discount_total": nought})
    assert "discount" not in line(priced).plain
    paid = message("finance.payment.applied.v1", {"number": "DE01-000001", "open": nought})
    assert "open 0.00 EUR" in line(paid).plain


def test_a_message_without_amounts_tells_its_description() -> None:
    requested = message("commercial.change_order.requested.v1", {"change_order_id": "CO-1", "description": "More"})
    assert line(requested).plain.endswith("More")


def test_a_fact_that_only_echoes_another_is_counted_and_not_shown() -> None:
    out = StringIO()
    progress = Progress(Console(file=out, width=200))
    progress.heard(message("finance.journal.posted.v1", {"journal_id": "j"}))
    progress.done()
    assert progress.facts == 1
    assert out.getvalue() == ""
