"""A journey as a timeline and the books as tables, as a controller reads them."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts import wire
from contracts.money import Money
from contracts.observability import EntityBooks, JourneyList, JourneyTimeline, Outstanding
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
    table = Table(box=None, pad_edge=True, show_header=not brief, header_style="dim")
    for name in ("when", "who", "what", "says"):
        table.add_column(name, no_wrap=name != "says", overflow="fold")
    if not brief:
        table.add_column("because of", style="dim", no_wrap=True)
    for step in journey.steps:
        if brief and title(step.type) not in _TURNING_POINTS:
            continue
        service = step.type.split(".")[0]
        row = [
            Text(instant(step.at), "dim"),
            Text(service, colour(service)),
            Text(title(step.type), "bold" if _is_fact(step.type) else "dim"),
        ]
        row.append(Text(step.summary))
        if not brief:
            row.append(Text(title(step.cause_type) if step.cause_type else ""))
        table.add_row(*row)
    show_table(console, table)
    console.print(_figures(journey))
    for open_thing in journey.outstanding:
        console.print(_outstanding(open_thing))


def _is_fact(name: str) -> bool:
    return wire.catalogue().get(name) is not None and wire.kind(wire.catalogue()[name]) == "evt"


def _figures(journey: JourneyTimeline) -> Text:
    text = Text("  ")
    figures = {
        "value": journey.value,
        "billed": journey.billed,
        "unbilled": journey.unbilled,
        "recognised": journey.recognised,
        "open": journey.open,
    }
    for name, amount in figures.items():
        if amount is not None:
            text.append(f"{name} ", "dim").append(f"{amount}   ", "bold")
    return text


def _outstanding(open_thing: Outstanding) -> Text:
    text = Text.assemble(("  outstanding  ", "yellow"), (open_thing.what, "bold"), f"  {open_thing.reference}")
    if open_thing.amount is not None:
        text.append(f"  {open_thing.amount}")
    if open_thing.since is not None:
        text.append(f"  since {instant(open_thing.since)}", "dim")
    return text


def show_journeys(console: Console, listed: JourneyList) -> None:
    table = _table("Journeys", ("customer", "quote", "agreement", "status"), ("value", "billed", "open"))
    for one in listed.journeys:
        amounts = [str(amount) if amount else "" for amount in (one.value, one.billed, one.open)]
        status = Text(one.status, _STATUS.get(one.status, "bold"))
        table.add_row(one.customer, one.quote_id or "", one.agreement_id or "", status, *amounts)
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
    figures = Text("  ")
    for name, amount in books.totals:
        figures.append(f"{name.removesuffix('.' + amount.currency).replace('_', ' ')} ", "dim").append(
            f"{amount}   ", "bold"
        )
    console.print(figures)
    for check in books.checks:
        mark = ("  ✓ ", "green") if check.holds else ("  ✗ ", "bold red")
        console.print(Text.assemble(mark, check.name, (f"  {check.detail}", "dim" if check.holds else "red")))


def _show_balances(console: Console, books: EntityBooks) -> None:
    table = _table("Trial balance", ("account", "currency"), ("debit", "credit", "balance"))
    for line in books.trial_balance:
        table.add_row(line.account, line.currency, money(line.debit), money(line.credit), money(line.balance))
    show_table(console, table)


def _show_receivables(console: Console, books: EntityBooks) -> None:
    if not books.receivables:
        console.print("  no open receivables", style="dim")
        return
    table = _table("Receivables", ("customer", "document", "due"), ("gross", "open", "overdue"))
    for item in books.receivables:
        due = f"{item.due_date:%d %b %Y}" if item.due_date else ""
        late = f"{item.days_overdue} d" if item.days_overdue > 0 else ""
        table.add_row(item.customer, item.number, due, money(item.gross), money(item.open), Text(late, "red"))
    show_table(console, table)


def _show_contracts(console: Console, books: EntityBooks) -> None:
    """Two tables, so that every amount stands in full on a terminal of 80 columns."""
    for name, figures in _CONTRACT_FIGURES.items():
        table = _table(name, ("agreement", "customer"), figures)
        for one in books.contracts:
            amounts: Sequence[Money] = [getattr(one, figure) for figure in figures]
            table.add_row(one.agreement_id, one.customer, *map(money, amounts))
        show_table(console, table)


def _table(name: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", box=None, header_style="dim", padding=(0, 2))
    for text in texts:
        table.add_column(text, no_wrap=True)
    for number in numbers:
        table.add_column(number, justify="right", no_wrap=True)
    return table
