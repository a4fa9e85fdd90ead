"""A journey as a timeline and the books as tables, as a controller reads them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contracts import wire
from contracts.money import Money
from contracts.observability import (
    BooksCheck,
    EntityBooks,
    JourneyList,
    JourneyTimeline,
    Outstanding,
    TimelineStep,
)
from infra.screen import colour, show_table
from infra.telling import instant, title

_STATUS = {"COMPLETED": "bold green", "OPEN": "bold yellow", "HELD": "bold red", "STALLED": "bold red"}

_TURNING_POINTS = {
    "quote approved",
    "quote accepted",
    "quote acceptance refused",
    "agreement activated",
    "agreement held",
    "agreement resumed",
    "agreement amended",
    "project provisioned",
    "project provision rejected",
    "milestone accepted",
    "change order applied",
    "revenue recognised",
    "revenue catch up posted",
    "billing plan held over cap",
    "invoice issued",
    "invoice part paid",
    "invoice paid",
    "dunning level raised",
    "payment applied",
    "journey stalled",
    "journey completed",
}
"""What a journey is told by in brief."""


_SAYS = 3
"""The place of what a step says in its row."""

_ROOM = 40
"""Characters of what a step says that make a column of its own worth while."""

_CONTRACT_FIGURES = {
    "Contract value": ("value", "billed", "unbilled"),
    "Contract balances": ("recognised", "remaining", "asset", "liability"),
}


def money(amount: Money | None) -> str:
    return "" if amount is None else f"{amount.value:,}"


def show_journey(console: Console, journey: JourneyTimeline, *, brief: bool = False) -> None:
    """Who said what, when and why, and what is still outstanding; `brief`: only the turning points."""
    heading = Text.assemble(
        ("Journey ", "bold"),
        (journey.quote_id or journey.journey or "", "bold cyan"),
        (f" → {journey.agreement_id}" if journey.agreement_id else "", "cyan"),
        (f"  {journey.customer}  " if journey.customer else "  ", "blue"),
        (journey.status, _STATUS.get(journey.status, "bold")),
    )
    console.print()
    console.print(heading)
    rows = [_row(step, brief) for step in journey.steps if not brief or title(step.type) in _TURNING_POINTS]
    if rows:
        _show_steps(console, rows)
    _show_figures(
        console,
        {
            "value": journey.value,
            "billed": journey.billed,
            "unbilled": journey.unbilled,
            "recognised": journey.recognised,
            "open": journey.open,
        },
    )
    if journey.outstanding:
        _show_outstanding(console, journey.outstanding)


class _Row(NamedTuple):
    """One step of a journey; `why` is what caused it, empty in brief."""

    when: Text
    who: Text
    what: Text
    says: Text
    why: Text


def _row(step: TimelineStep, brief: bool) -> _Row:
    service = step.type.split(".")[0]
    return _Row(
        Text(instant(step.at), "dim"),
        Text(f"{service:<10}", colour(service)),
        Text(title(step.type), "bold" if _is_fact(step.type) else "dim"),
        Text(step.summary),
        Text("" if brief or step.cause_type is None else f"← {title(step.cause_type)}", "dim"),
    )


def _show_steps(console: Console, rows: Sequence[_Row]) -> None:
    """In columns where there is room for what is said, else with that below."""
    columns = list(zip(*rows, strict=True))
    taken = sum(max(map(len, column)) + 2 for column in columns) - max(map(len, columns[_SAYS])) - 2
    table = Table(box=None, show_header=False, padding=(0, 1))
    if console.width - taken >= _ROOM:
        for place in range(len(columns)):
            table.add_column(no_wrap=place != _SAYS, overflow="fold")
        for row in rows:
            table.add_row(*row)
    else:
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        room = console.width - max(map(len, columns[0])) - 4
        for row in rows:
            table.add_row(row.when, _stacked(row, room))
    show_table(console, table)


def _stacked(row: _Row, room: int) -> Text:
    """As much on a line as there is room for; what does not fit stands below."""
    lines = [Text("  ").join((row.who, row.what))]
    for part in filter(None, (row.why, row.says)):
        if len(lines[-1]) + 2 + len(part) <= room:
            lines[-1] = Text("  ").join((lines[-1], part))
        else:
            lines.append(part)
    return Text("\n").join(lines)


def _is_fact(name: str) -> bool:
    return wire.catalogue().get(name) is not None and wire.kind(wire.catalogue()[name]) == "evt"


def _show_figures(console: Console, figures: Mapping[str, Money | None]) -> None:
    """Names and amounts, as many on a line as there is room for."""
    given = ((name, amount) for name, amount in figures.items() if amount is not None)
    told = [Text.assemble((f"{name} ", "dim"), (str(amount), "bold")) for name, amount in given]
    console.print(Padding(Columns(told, padding=(0, 3)), (0, 0, 0, 2)))


def _show_outstanding(console: Console, outstanding: Sequence[Outstanding]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for justify in ("left", "left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=justify == "right", overflow="fold")
    for one in outstanding:
        since = Text("" if one.since is None else f"since {instant(one.since)}", "dim")
        amount = "" if one.amount is None else str(one.amount)
        table.add_row(Text("outstanding", "yellow"), Text(one.what, "bold"), Text(one.reference), amount, since)
    show_table(console, table)


def show_journeys(console: Console, listed: JourneyList) -> None:
    if not listed.journeys:
        console.print("no journey has begun: a quote begins one", style="dim")
        return
    table = _table("Journeys", ("customer", "journey"), ("status", "value", "billed", "open", ""))
    for one in listed.journeys:
        amounts = (one.value, one.billed, one.open)
        currency = next((amount.currency for amount in amounts if amount is not None), "")
        status = Text(one.status, _STATUS.get(one.status, "bold"))
        name = " → ".join(filter(None, (one.quote_id, one.agreement_id)))
        table.add_row(Text(one.customer), Text(name), status, *map(money, amounts), currency)
    show_table(console, table)


def show_books(console: Console, books: EntityBooks, as_of: date | None) -> None:
    """Trial balance, receivables, contract balances and named figures of one legal entity, and what must hold."""
    console.print()
    day = f" as of {as_of:%d %b %Y}" if as_of else ""
    console.print(f"Books of {books.legal_entity}{day}", style="bold", markup=False, end="")
    console.print(f"  in {books.functional_currency}", style="dim")
    _show_balances(console, books)
    _show_receivables(console, books)
    _show_contracts(console, books)
    _show_figures(
        console, {name.removesuffix(f".{amount.currency}").replace("_", " "): amount for name, amount in books.totals}
    )
    _show_checks(console, books.checks)


def _show_checks(console: Console, checks: Sequence[BooksCheck]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        mark = Text("✓", "green") if check.holds else Text("✗", "bold red")
        table.add_row(mark, Text.assemble(check.name, (f"  {check.detail}", "dim" if check.holds else "red")))
    show_table(console, table)


def _show_balances(console: Console, books: EntityBooks) -> None:
    table = _table("Trial balance", ("account", "currency"), ("debit", "credit", "balance"))
    for line in books.trial_balance:
        table.add_row(line.account, line.currency, money(line.debit), money(line.credit), money(line.balance))
    show_table(console, table)


def _show_receivables(console: Console, books: EntityBooks) -> None:
    if not books.receivables:
        console.print("  no open receivables", style="dim")
        return
    table = _table("Receivables", ("customer", "document"), ("due", "gross", "open", "overdue"))
    for item in books.receivables:
        due = f"{item.due_date:%d %b %Y}" if item.due_date else ""
        late = f"{item.days_overdue} d" if item.days_overdue > 0 else ""
        texts = (item.customer, item.number)
        table.add_row(*map(Text, texts), due, money(item.gross), money(item.open), Text(late, "red"))
    show_table(console, table)


def _show_contracts(console: Console, books: EntityBooks) -> None:
    """Two tables, so that all amounts have room side by side on a terminal of 80 columns."""
    for name, figures in _CONTRACT_FIGURES.items():
        table = _table(name, ("agreement", "customer"), figures)
        for one in books.contracts:
            amounts: Sequence[Money] = [getattr(one, figure) for figure in figures]
            table.add_row(Text(one.agreement_id), Text(one.customer), *map(money, amounts))
        show_table(console, table)


def _table(name: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", box=None, header_style="dim", padding=(0, 1))
    for text in texts:
        table.add_column(text, overflow="fold")
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table
