"""Dunning: a reminder for exactly what is open, undisputed and past due, one for the account and not for each item."""

from datetime import date, datetime

import pytest

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
from contracts.message import Message, Wake
from contracts.money import Money
from services.finance import dunning
from tests.pure.finance_documents import DE01, POLICY, usd
from tests.pure.finance_orders import eur, utc
from tests.story import Story, at, given

LEVEL_1, LEVEL_2, LEVEL_3 = utc(2026, 5, 6, 22), utc(2026, 5, 20, 22), utc(2026, 6, 3, 22)
"""Start of the day in Berlin, 7, 21 and 35 days after 30 April."""


def opened(number: str, amount: Money, due: date = date(2026, 4, 30), journey: str = "J-1") -> ReceivableOpened:
    return ReceivableOpened(
        account="DE01-EUR",
        invoice_id=number,
        number=number,
        agreement_id="SOW-A",
        legal_entity="DE01",
        amount=amount,
        functional_amount=amount,
        issue_date=date(2026, 3, 31),
        due_date=due,
        journey=journey,
    )


def paid(number: str, amount: Money, left: Money) -> CashAllocated:
    return CashAllocated(
        account="DE01-EUR",
        legal_entity="DE01",
        payment_id="P-1",
        invoice_id=number,
        number=number,
        agreement_id="SOW-A",
        amount=amount,
        open=left,
        unapplied=Money.zero(left.currency),
        relieved=amount,
        fx_difference=eur(0),
        allocated_on=date(2026, 4, 20),
    )


def disputed(number: str, amount: Money) -> ReceivableDisputed:
    return ReceivableDisputed(account="DE01-EUR", number=number, disputed=amount, dispute_reason="late")


def resolved(number: str) -> DisputeResolved:
    return DisputeResolved(account="DE01-EUR", number=number)


def woken(instant: datetime) -> Wake:
    return at(Wake(), instant)


def watching(*heard: Message) -> Story:
    return given(dunning).knowing(DE01, POLICY).when(*heard)


M2 = opened("DE01-000003", eur(285_600))


@pytest.mark.parametrize("heard", [M2, paid("1", eur(1), eur(0)), disputed("1", eur(1)), resolved("1")])
def test_the_actor_is_the_account(
    heard: ReceivableOpened | CashAllocated | ReceivableDisputed | DisputeResolved,
) -> None:
    assert dunning.actor_id(heard) == "DE01-EUR"


def test_an_open_item_is_watched_with_the_levels_of_the_policy_in_the_zone_of_the_entity() -> None:
    tracked = watching(M2).the(DunningTracked)
    assert tracked.levels == (LEVEL_1, LEVEL_2, LEVEL_3)
    assert (tracked.open, tracked.disputed, tracked.policy_version) == (eur(285_600), eur(0), 1)
    assert tracked.address.journey == "J-1"


def test_an_item_is_watched_once() -> None:
    watching(M2, M2).then_nothing()


def test_without_a_policy_nobody_is_dunned() -> None:
    given(dunning).knowing(DE01).when(M2).then_nothing()


def test_an_account_watches_one_currency() -> None:
    watching(M2, opened("DE01-000004", usd(1))).then_nothing()


def test_it_wakes_at_the_next_level_of_any_item() -> None:
    assert dunning.wakes(dunning.initial) is None
    story = watching(M2, opened("DE01-000004", eur(1), date(2026, 4, 28)))
    assert dunning.wakes(story.state) == utc(2026, 5, 4, 22)


def test_a_level_asks_for_exactly_what_is_open_and_past_due() -> None:
    """The half-year: 285,600.00 of which 200,000.00 are paid."""
    story = watching(M2, paid("DE01-000003", eur(200_000), eur(85_600)), woken(LEVEL_1))
    story.then(
        DunningLevelRaised(
            account="DE01-EUR",
            legal_entity="DE01",
            number="DE01-000003",
            level=1,
            amount=eur(85_600),
            items=(DunnedItem(number="DE01-000003", amount=eur(85_600), due_date=date(2026, 4, 30)),),
            raised_at=LEVEL_1,
            policy_version=1,
        )
    )
    assert dunning.wakes(story.state) == LEVEL_2


def test_all_past_due_items_are_asked_for_together_about_the_oldest() -> None:
    oldest = opened("DE01-000001", eur(100), date(2026, 4, 1), "J-OLD")
    not_due = opened("DE01-000005", eur(7), date(2026, 5, 7), "J-NEW")
    story = watching(M2, oldest, not_due, woken(utc(2026, 4, 7, 22)), woken(utc(2026, 4, 21, 22)), woken(LEVEL_1))
    raised = story.the(DunningLevelRaised)
    assert [item.number for item in raised.items] == ["DE01-000001", "DE01-000003"]
    assert (raised.amount, raised.number, raised.level) == (eur(285_700), "DE01-000001", 3)
    assert raised.address.journey == "J-OLD"


def test_items_that_reach_a_level_together_are_one_reminder() -> None:
    story = watching(M2, opened("DE01-000004", eur(50)), woken(LEVEL_1))
    assert story.the(DunningLevelRaised).amount == eur(285_650)
    assert dunning.wakes(story.state) == LEVEL_2


def test_a_wake_after_the_last_level_is_not_asked_for() -> None:
    story = watching(M2, woken(LEVEL_1), woken(LEVEL_2), woken(LEVEL_3))
    assert story.the(DunningLevelRaised).level == 3
    assert dunning.wakes(story.state) is None
    story.when(woken(utc(2026, 12, 31))).then_nothing()


def test_a_paid_item_is_never_asked_for() -> None:
    story = watching(M2, paid("DE01-000003", eur(285_600), eur(0)))
    story.then(DunningSettled(account="DE01-EUR", number="DE01-000003"))
    assert story.said[0].address.journey == "J-1"
    assert dunning.wakes(story.state) is None


def test_an_allocation_heard_twice_changes_nothing() -> None:
    part = paid("DE01-000003", eur(1), eur(285_599))
    watching(M2, part, part).then_nothing()


def test_what_is_not_watched_is_not_followed() -> None:
    watching(paid("X", eur(1), eur(0))).then_nothing()
    watching(M2, paid("DE01-000003", usd(1), usd(0))).then_nothing()
    watching(M2, disputed("DE01-000003", usd(1))).then_nothing()


def test_a_disputed_part_is_not_asked_for() -> None:
    story = watching(M2, disputed("DE01-000003", eur(285_000)))
    assert story.the(DunningTracked).disputed == eur(285_000)
    assert story.when(woken(LEVEL_1)).the(DunningLevelRaised).amount == eur(600)


def test_the_same_dispute_again_changes_nothing() -> None:
    watching(M2, disputed("DE01-000003", eur(5)), disputed("DE01-000003", eur(5))).then_nothing()


def test_a_payment_takes_a_dispute_down_to_what_is_open() -> None:
    story = watching(M2, disputed("DE01-000003", eur(285_000)), paid("DE01-000003", eur(200_000), eur(85_600)))
    assert story.the(DunningTracked).disputed == eur(85_600)


def test_a_level_of_a_wholly_disputed_item_is_suspended() -> None:
    story = watching(M2, disputed("DE01-000003", eur(285_600)), woken(LEVEL_1))
    suspended = DunningSuspended(account="DE01-EUR", number="DE01-000003", level=1, suspended_at=LEVEL_1)
    story.then(suspended)
    assert story.said[0].address.journey == "J-1"
    assert dunning.wakes(story.state) == LEVEL_2


def test_a_suspended_level_is_raised_when_the_dispute_is_resolved() -> None:
    hold = watching(M2, disputed("DE01-000003", eur(285_600)), woken(LEVEL_1))
    story = hold.when(at(resolved("DE01-000003"), utc(2026, 5, 11, 9)))
    story.says(DunningTracked, DunningLevelRaised)
    assert (story.the(DunningLevelRaised).level, story.the(DunningLevelRaised).amount) == (1, eur(285_600))
    assert dunning.wakes(story.state) == LEVEL_2
    story.when(resolved("DE01-000003")).then_nothing()


def test_a_suspended_level_is_raised_for_the_part_that_is_disputed_no_more() -> None:
    story = watching(opened("DE01-000003", eur(100)), disputed("DE01-000003", eur(100)), woken(LEVEL_1))
    partly = story.when(at(disputed("DE01-000003", eur(40)), utc(2026, 5, 12)))
    raised = partly.the(DunningLevelRaised)
    assert (raised.level, raised.amount) == (1, eur(60))
    assert partly.state.item("DE01-000003").suspended == 0


def test_a_level_suspended_beside_one_that_is_raised_is_made_up_for_too() -> None:
    both = (M2, opened("DE01-000004", eur(50)), disputed("DE01-000003", eur(285_600)))
    story = watching(*both, woken(LEVEL_1))
    assert story.the(DunningLevelRaised).amount == eur(50)
    later = story.when(at(resolved("DE01-000003"), utc(2026, 5, 11, 9)))
    assert later.the(DunningLevelRaised).amount == eur(285_650)


def test_a_suspended_item_that_did_not_reach_a_level_since_stays_as_it_is() -> None:
    story = watching(
        M2, disputed("DE01-000003", eur(285_600)), opened("DE01-000004", eur(50), date(2026, 5, 1)), woken(LEVEL_1)
    )
    raised = story.when(woken(utc(2026, 5, 7, 22)))
    raised.says(DunningLevelRaised)
    assert raised.state.item("DE01-000003").suspended == 1


def test_a_dispute_resolved_before_its_level_came_due_is_dunned_as_usual() -> None:
    story = watching(M2, disputed("DE01-000003", eur(285_600)), resolved("DE01-000003"))
    assert story.the(DunningTracked).disputed == eur(0)
    assert story.when(woken(LEVEL_1)).the(DunningLevelRaised).amount == eur(285_600)
