"""Journeys and books are read in full, whatever the width of the terminal: no amount is cut, no line runs over."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from contracts.money import Money
from contracts.observability import (
    BooksCheck,
    ContractBalance,
    EntityBooks,
    JourneyList,
    JourneySummary,
    JourneyTimeline,
    OpenItem,
    Outstanding,
    TimelineStep,
    TrialBalanceLine,
)
from infra.statements import show_books, show_journey, show_journeys

AT = datetime(2026, 1, 30, 15, tzinfo=UTC)
WIDTHS = (80, 100, 140)


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def step(number: int, name: str, summary: str, cause: str | None) -> TimelineStep:
    return TimelineStep(
        sequence=number,
        at=AT + timedelta(days=number),
        type=name,
        key="ACME",
        source="/finance/invoice/ACME/1",
        id=f"m-{number}",
        cause="c",
        cause_type=cause,
        summary=summary,
        amounts=(),
    )


JOURNEY = JourneyTimeline(
    journey="j",
    customer="ACME-MASCHINENBAU",
    quote_id="Q-2026-000017",
    agreement_id="SOW-2026-000017",
    status="OPEN",
    value=eur("12690000.01"),
    billed=eur("11420000.02"),
    unbilled=eur("1270000.03"),
    recognised=eur("11414000.04"),
    open=eur("285600.05"),
    steps=(
        step(
            1,
            "finance.billing_plan.change_staged.v1",
            "CO-1 total 12,690,000.06 EUR",
            "commercial.agreement.change_admitted.v1",
        ),
        step(
            2,
            "finance.invoice.issued.v1",
            "DE01-000001 net 180,000.07 EUR, tax 34,200.08 EUR, gross 214,200.09 EUR",
            "finance.invoice.take_number.v1",
        ),
        step(3, "observability.journey.stalled.v1", "SOW-2026-000017: it is late", None),
    ),
    outstanding=(Outstanding(what="unpaid invoice", reference="DE01-000003", amount=eur("285600.10"), since=AT),),
)

LISTED = JourneyList(
    journeys=(
        JourneySummary(
            journey="j",
            customer="ACME-MASCHINENBAU",
            quote_id="Q-2026-000017",
            agreement_id="SOW-2026-000017",
            status="COMPLETED",
            value=eur("12690000.01"),
            billed=eur("11420000.02"),
            open=eur("285600.03"),
        ),
    )
)

BOOKS = EntityBooks(
    legal_entity="DE01",
    functional_currency="EUR",
    trial_balance=(
        TrialBalanceLine(
            account="CONTRACT_BALANCE",
            currency="EUR",
            debit=eur("12690000.01"),
            credit=eur("11420000.02"),
            balance=eur("1269999.03"),
            functional_balance=eur("1269999.03"),
        ),
    ),
    receivables=(
        OpenItem(
            customer="ACME-MASCHINENBAU",
            number="DE01-2026-000001",
            due_date=date(2026, 4, 30),
            gross=eur("1285600.04"),
            open=eur("1085600.05"),
            days_overdue=106,
        ),
    ),
    contracts=(
        ContractBalance(
            agreement_id="SOW-2026-000017",
            customer="ACME-MASCHINENBAU",
            value=eur("12690000.07"),
            billed=eur("11420000.08"),
            unbilled=eur("1270000.09"),
            recognised=eur("11414000.10"),
            remaining=eur("1276000.11"),
            asset=eur("1000000.12"),
            liability=eur("1000006.13"),
        ),
    ),
    totals=tuple(
        (f"{name}.EUR", eur(f"11420000.{place}"))
        for place, name in enumerate(
            ("billed", "recognised", "deferred", "contract_assets", "unbilled", "receivables", "unapplied_cash"), 21
        )
    ),
    invoice_numbers=("DE01-2026-000001",),
    checks=(
        BooksCheck(
            name="the receivables control account equals the open invoices less unapplied cash",
            holds=True,
            detail="1,085,600.31 EUR",
        ),
    ),
)


def shown(width: int, show: Callable[[Console], None]) -> list[str]:
    out = StringIO()
    show(Console(file=out, width=width, highlight=False, soft_wrap=True))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def all_told(lines: list[str], *texts: str) -> list[str]:
    """Those that stand on no line as a whole."""
    return [text for text in texts if not any(text in line for line in lines)]


@pytest.mark.parametrize("width", WIDTHS)
def test_books_are_read_in_full(width: int) -> None:
    lines = shown(width, lambda console: show_books(console, BOOKS, date(2026, 6, 30)))
    assert max(map(len, lines)) <= width
    amounts = ("12,690,000.01", "11,420,000.02", "1,269,999.03", "1,285,600.04", "1,085,600.05", "106 d", "30 Apr 2026")
    balances = ("12,690,000.07", "11,420,000.08", "1,270,000.09", "11,414,000.10", "1,276,000.11", "1,000,000.12")
    totals = (f"11,420,000.{place}" for place in range(21, 28))
    assert all_told(lines, *amounts, *balances, "1,000,006.13", *totals, "1,085,600.31", "CONTRACT_BALANCE") == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("brief", [False, True])
def test_a_journey_is_read_in_full(width: int, brief: bool) -> None:
    lines = shown(width, lambda console: show_journey(console, JOURNEY, brief=brief))
    assert max(map(len, lines)) <= width
    figures = ("12,690,000.01", "11,420,000.02", "1,270,000.03", "11,414,000.04", "285,600.05", "285,600.10")
    told = (
        "180,000.07",
        "34,200.08",
        "214,200.09",
        "invoice issued",
        "DE01-000001",
        "01 Feb 2026 15:00Z",
        "journey stalled",
    )
    assert all_told(lines, *figures, *told) == []
    full = ("12,690,000.06", "billing plan change staged", "agreement change admitted", "invoice take number")
    assert all_told(lines, *full) == (list(full) if brief else [])


@pytest.mark.parametrize("width", WIDTHS)
def test_all_journeys_are_listed_in_full(width: int) -> None:
    lines = shown(width, lambda console: show_journeys(console, LISTED))
    assert max(map(len, lines)) <= width
    assert all_told(lines, "12,690,000.01", "11,420,000.02", "285,600.03", "EUR") == []


def test_amounts_that_no_terminal_has_room_for_run_over_and_are_not_cut() -> None:
    lines = shown(30, lambda console: show_books(console, BOOKS, None))
    assert all_told(lines, "12,690,000.01", "11,420,000.02", "1,269,999.03", "1,000,006.13", "106 d") == []
