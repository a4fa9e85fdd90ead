"""Dunning of one account: a reminder for exactly what is open, undisputed and past due (domain 4.10)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from contracts.finance import (
    CashAllocated,
    DisputeResolved,
    DunnedItem,
    DunningLevelRaised,
    DunningSettled,
    DunningSuspended,
    DunningTracked,
    ReceivableDisputed,
    ReceivableOpened,
)
from contracts.message import Record, Wake
from contracts.money import Money, total
from services.finance.reference import Reference, day_of, start_of, zone_of

Heard = ReceivableOpened | CashAllocated | ReceivableDisputed | DisputeResolved | Wake
Said = DunningTracked | DunningLevelRaised | DunningSuspended | DunningSettled


class Watched(Record):
    """An open item, and how far it has been dunned."""

    said: DunningTracked
    done: int = 0
    """Levels that came due, whether they were raised or suspended."""
    suspended: int = 0
    """The level that was not raised because all was disputed; 0 for none."""

    @property
    def next_level(self) -> datetime | None:
        return self.said.levels[self.done] if self.done < len(self.said.levels) else None

    @property
    def claimed(self) -> Money:
        """What may be asked for: open and undisputed."""
        return self.said.open - self.said.disputed


class Dunning(Record):
    items: tuple[Watched, ...] = ()
    """Oldest due first: an account's open items are few, settled ones leave it."""

    def item(self, number: str) -> Watched | None:
        return next((item for item in self.items if item.said.number == number), None)


initial = Dunning()


def actor_id(message: ReceivableOpened | CashAllocated | ReceivableDisputed | DisputeResolved) -> str:
    return message.account


def decide(state: Dunning, message: Heard, reference: Reference) -> Sequence[Said]:
    match message:
        case ReceivableOpened() if state.item(message.number) is not None:
            return []  # watched already
        case ReceivableOpened() if message.legal_entity not in reference.policies:
            return []  # without a policy there are no levels; a quote needs one, so this is no invoice of ours
        case ReceivableOpened() if state.items and state.items[0].said.open.currency != message.amount.currency:
            return []  # an account has one currency
        case ReceivableOpened():
            return [_track(message, reference)]
        case CashAllocated() | ReceivableDisputed() | DisputeResolved():
            item = state.item(message.number)
            if item is None or _currency(message) not in (None, item.said.open.currency):
                return []  # not watched
            return _follow(state, item, message, reference)
        case Wake():
            return _come_due(state, message.at, reference)
        case _:
            assert_never(message)


def evolve(state: Dunning, event: Said) -> Dunning:
    match event:
        case DunningTracked():
            known = state.item(event.number)
            others = [item for item in state.items if item is not known]
            items = [*others, Watched(said=event) if known is None else replace(known, said=event)]
            return Dunning(items=tuple(sorted(items, key=lambda item: (item.said.due_date, item.said.number))))
        case DunningLevelRaised():
            return Dunning(items=tuple(_raised(item, event) for item in state.items))
        case DunningSuspended():
            return Dunning(items=tuple(_suspended(item, event.suspended_at) for item in state.items))
        case DunningSettled():
            return Dunning(items=tuple(item for item in state.items if item.said.number != event.number))
        case _:
            assert_never(event)


def wakes(state: Dunning) -> datetime | None:
    return min((item.next_level for item in state.items if item.next_level is not None), default=None)


def _track(message: ReceivableOpened, reference: Reference) -> DunningTracked:
    policy, zone = reference.policies[message.legal_entity], zone_of(reference, message.legal_entity)
    return DunningTracked(
        account=message.account,
        legal_entity=message.legal_entity,
        number=message.number,
        open=message.amount,
        disputed=Money.zero(message.amount.currency),
        due_date=message.due_date,
        levels=tuple(start_of(zone, message.due_date + timedelta(days=days)) for days in policy.dunning_days),
        policy_version=policy.version,
        journey=message.journey,
    ).about(message.journey)


def _currency(message: CashAllocated | ReceivableDisputed | DisputeResolved) -> str | None:
    match message:
        case CashAllocated():
            return message.open.currency
        case ReceivableDisputed():
            return message.disputed.currency
        case DisputeResolved():
            return None
        case _:
            assert_never(message)


def _follow(
    state: Dunning,
    item: Watched,
    message: CashAllocated | ReceivableDisputed | DisputeResolved,
    reference: Reference,
) -> Sequence[Said]:
    said = item.said
    match message:
        case CashAllocated() if message.open >= said.open:
            return []  # heard before: what is open only ever falls
        case CashAllocated() if not message.open:
            return [DunningSettled(account=said.account, number=said.number).about(said.journey)]
        case CashAllocated():
            return [_tracked(said, message.open, min(said.disputed, message.open))]
        case ReceivableDisputed() if message.disputed == said.disputed:
            return []  # known
        case ReceivableDisputed():
            return _made_up_for(state, item, min(message.disputed, said.open), message.at, reference)
        case DisputeResolved() if not said.disputed:
            return []  # known
        case DisputeResolved():
            return _made_up_for(state, item, Money.zero(said.open.currency), message.at, reference)
        case _:
            assert_never(message)


def _made_up_for(
    state: Dunning, item: Watched, disputed: Money, at: datetime, reference: Reference
) -> Sequence[DunningTracked | DunningLevelRaised]:
    """So much is disputed from now on; when that leaves something to ask for, a suspended level is raised."""
    tracked = _tracked(item.said, item.said.open, disputed)
    if not item.suspended or disputed >= item.said.open:
        return [tracked]
    return [tracked, *_raise(evolve(state, tracked), item, item.suspended, at, reference)]


def _tracked(said: DunningTracked, open: Money, disputed: Money) -> DunningTracked:
    return replace(said, open=open, disputed=disputed).about(said.journey)


def _come_due(state: Dunning, at: datetime, reference: Reference) -> Sequence[Said]:
    """One reminder for the account, at the highest level that an undisputed item has reached by now."""
    due = [(_level(item, at), item) for item in state.items if _level(item, at) > item.done]
    if not due:
        return []  # nothing is due
    undisputed = [(level, item) for level, item in due if item.claimed]
    if undisputed:
        level, item = max(undisputed, key=lambda reached: reached[0])
        return _raise(state, item, level, at, reference)
    level, item = due[0]
    suspended = DunningSuspended(account=item.said.account, number=item.said.number, level=level, suspended_at=at)
    return [suspended.about(item.said.journey)]


def _raise(state: Dunning, item: Watched, level: int, at: datetime, reference: Reference) -> list[DunningLevelRaised]:
    said = item.said
    items = _past_due(state, day_of(reference, said.legal_entity, at), said.number)
    raised = DunningLevelRaised(
        account=said.account,
        legal_entity=said.legal_entity,
        number=said.number,
        level=level,
        amount=total((one.claimed for one in items), said.open.currency),
        items=tuple(
            DunnedItem(number=one.said.number, amount=one.claimed, due_date=one.said.due_date) for one in items
        ),
        raised_at=at,
        policy_version=said.policy_version,
    )
    return [raised.about(items[0].said.journey)]


def _past_due(state: Dunning, today: date, reached: str) -> list[Watched]:
    """What may be asked for today; the item that reached a level is past due by that."""
    past = (item for item in state.items if item.said.due_date < today or item.said.number == reached)
    return [item for item in past if item.claimed]


def _level(item: Watched, at: datetime) -> int:
    """How many levels the item has reached at an instant."""
    return sum(1 for level in item.said.levels if level <= at)


def _raised(item: Watched, event: DunningLevelRaised) -> Watched:
    if not item.claimed:
        return _suspended(item, event.raised_at)
    return replace(item, done=max(item.done, _level(item, event.raised_at)), suspended=0)


def _suspended(item: Watched, at: datetime) -> Watched:
    level = _level(item, at)
    return replace(item, done=level, suspended=level) if level > item.done else item
