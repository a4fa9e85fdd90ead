"""Quotes: priced in versions, approved by policy or a person, accepted when signed and within the credit limit."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from contracts.canonical import content_hash
from contracts.commercial import (
    AcceptQuote,
    ApproveQuote,
    CreditRefused,
    QuoteAcceptanceReceived,
    QuoteAcceptanceRefused,
    QuoteAccepted,
    QuoteApprovalRequested,
    QuoteApproved,
    QuoteExpired,
    QuotePriced,
    QuoteRefused,
    QuoteRejected,
    QuoteState,
    QuoteStatus,
    RejectQuote,
    ReserveCredit,
    SubmitQuote,
)
from contracts.message import Wake
from contracts.order import Signature
from services.commercial import quote
from tests.pure.commercial_firm import (
    ACCEPT,
    ACME,
    DE01,
    FIRM,
    JANUARY,
    POLICY,
    RESERVED,
    SIGNED,
    eur,
    fixed_line,
    milestones,
    offered,
)
from tests.story import Story, at, given

LAST_DAY_OVER = datetime(2026, 1, 31, 23, tzinfo=UTC)
DISCOUNTED = fixed_line(billing=milestones(510_000), price=eur(600_000), discount_percent="15")
APPROVE = ApproveQuote(quote_id="Q-1", version=1, approved_by="Grace Hopper")
REJECT = RejectQuote(quote_id="Q-1", version=1, rejected_by="Acme", rejection_reason="too expensive")
REFUSED = CreditRefused(
    customer_id="ACME",
    quote_id="Q-1",
    version=1,
    reason="CREDIT_LIMIT",
    detail="too much",
    exposure=eur(0),
    would_be=eur(600_000),
    limit=eur(60_000),
)


def a_quote() -> Story:
    return given(quote).knowing(*FIRM)


def approved() -> Story:
    return a_quote().when(at(offered(), JANUARY))


def in_review() -> Story:
    return a_quote().when(at(offered(DISCOUNTED), JANUARY))


def accepting() -> Story:
    return approved().when(at(ACCEPT, JANUARY))


def accepted() -> Story:
    return accepting().when(at(RESERVED, JANUARY))


def reason(story: Story) -> str:
    return story.says(QuoteRefused).the(QuoteRefused).reason


# --- submitting -----------------------------------------------------------------------------------------------------


def test_a_quote_is_named_by_its_id() -> None:
    assert quote.actor_id(offered()) == "Q-1"
    assert quote.actor_id(RESERVED) == "Q-1"


def test_a_quote_within_the_policy_is_priced_and_approved_at_once() -> None:
    story = approved().says(QuotePriced, QuoteApproved)
    assert story.the(QuoteApproved).approved_by == "policy"


def test_the_price_names_its_totals_its_policy_and_its_last_instant() -> None:
    priced = in_review().the(QuotePriced)
    assert (priced.list_total, priced.discount_total, priced.total) == (eur(600_000), eur(90_000), eur(510_000))
    assert (priced.policy_version, priced.highest_discount_percent) == (1, "15")
    assert priced.expires_at == LAST_DAY_OVER
    assert priced.offer.payment_terms_days == 30


def test_anyone_can_compute_the_content_hash_from_the_offer() -> None:
    priced = approved().the(QuotePriced)
    assert priced.content_hash == content_hash(priced.offer)
    assert approved().the(QuoteApproved).content_hash == priced.content_hash


def test_another_offer_has_another_hash() -> None:
    first, second = approved().the(QuotePriced), in_review().the(QuotePriced)
    assert first.content_hash != second.content_hash


def test_a_discount_above_the_limit_waits_for_a_person() -> None:
    story = in_review().says(QuotePriced, QuoteApprovalRequested)
    requested = story.the(QuoteApprovalRequested)
    assert (requested.discount_percent, requested.limit_percent) == ("15", "10")


def test_a_discount_at_the_limit_is_approved_by_policy() -> None:
    line = fixed_line(billing=milestones(540_000), price=eur(600_000), discount_percent="10.0")
    a_quote().when(at(offered(line), JANUARY)).says(QuotePriced, QuoteApproved)


def test_the_highest_discount_of_all_lines_decides() -> None:
    small = fixed_line(line_id="L2", billing=milestones(99, prefix="N"), price=eur(100), discount_percent="1")
    story = a_quote().when(at(offered(DISCOUNTED, small), JANUARY))
    assert story.the(QuoteApprovalRequested).discount_percent == "15"


def test_submitting_the_same_version_twice_says_nothing() -> None:
    approved().when(at(offered(), JANUARY)).then_nothing()
    accepted().when(at(offered(), JANUARY)).then_nothing()


def test_the_next_version_supersedes_an_unaccepted_one() -> None:
    story = approved().when(at(offered(DISCOUNTED, version=2), JANUARY)).says(QuotePriced, QuoteApprovalRequested)
    assert story.state.status == "IN_REVIEW"
    assert story.state.version == 2


@pytest.mark.parametrize("ended", [REJECT, Wake()])
def test_after_a_version_was_rejected_or_expired_the_next_may_be_submitted(ended: RejectQuote | Wake) -> None:
    story = approved().when(at(ended, LAST_DAY_OVER))
    following = offered(version=2, valid_until=date(2026, 2, 28))
    story.when(at(following, LAST_DAY_OVER)).says(QuotePriced, QuoteApproved)


@pytest.mark.parametrize("version", [1, 3])
def test_versions_rise_by_one(version: int) -> None:
    assert reason(approved().when(at(offered(DISCOUNTED, version=version), JANUARY))) == "VERSION"


def test_the_first_version_is_one() -> None:
    assert reason(a_quote().when(at(offered(version=2), JANUARY))) == "VERSION"


@pytest.mark.parametrize("story", [accepting(), accepted()])
def test_a_signed_quote_is_not_superseded(story: Story) -> None:
    assert reason(story.when(at(offered(version=2), JANUARY))) == "ALREADY_ACCEPTED"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (offered(legal_entity="FR01"), "UNKNOWN_LEGAL_ENTITY"),
        (offered(valid_until=date(2026, 1, 6)), "VALID_UNTIL"),
        (offered(valid_until=date(9999, 12, 31)), "VALID_UNTIL"),
        (offered(currency="ZZZ"), "CURRENCY"),
    ],
)
def test_what_cannot_be_offered_is_refused_and_changes_nothing(wrong: SubmitQuote, code: str) -> None:
    story = a_quote().when(at(wrong, JANUARY))
    assert reason(story) == code
    assert story.state == quote.initial


def test_without_a_policy_nothing_is_offered() -> None:
    assert reason(given(quote).knowing(DE01).when(at(offered(), JANUARY))) == "NO_POLICY"


def test_a_quote_may_be_submitted_on_its_last_day() -> None:
    a_quote().when(at(offered(), LAST_DAY_OVER - timedelta(seconds=1))).says(QuotePriced, QuoteApproved)


def test_a_refused_submission_may_be_corrected_under_the_same_version() -> None:
    a_quote().when(at(offered(currency="GBP"), JANUARY), at(offered(), JANUARY)).says(QuotePriced, QuoteApproved)


# --- approving and rejecting ----------------------------------------------------------------------------------------


def test_a_person_approves_what_the_policy_would_not() -> None:
    story = in_review()
    hash_ = story.the(QuotePriced).content_hash
    story.when(APPROVE).then(QuoteApproved(quote_id="Q-1", version=1, approved_by="Grace Hopper", content_hash=hash_))


def test_approving_twice_says_nothing() -> None:
    in_review().when(APPROVE, APPROVE).then_nothing()
    approved().when(APPROVE).then_nothing()


def test_a_rejected_version_cannot_be_approved() -> None:
    assert reason(in_review().when(REJECT, APPROVE)) == "NOT_IN_REVIEW"


@pytest.mark.parametrize("story", [in_review(), approved()])
def test_an_open_version_may_be_rejected(story: Story) -> None:
    story.when(REJECT).then(
        QuoteRejected(quote_id="Q-1", version=1, rejected_by="Acme", rejection_reason="too expensive")
    )


def test_rejecting_twice_says_nothing() -> None:
    approved().when(REJECT, REJECT).then_nothing()


@pytest.mark.parametrize("story", [accepting(), accepted()])
def test_a_signed_version_cannot_be_rejected(story: Story) -> None:
    assert reason(story.when(REJECT)) == "NOT_OPEN"


@pytest.mark.parametrize("request_", [APPROVE, REJECT, ACCEPT])
def test_an_unknown_quote_is_refused(request_: ApproveQuote | RejectQuote | AcceptQuote) -> None:
    assert reason(a_quote().when(at(request_, JANUARY))) == "UNKNOWN_QUOTE"


@pytest.mark.parametrize("request_", [APPROVE, REJECT, ACCEPT])
def test_another_version_than_the_current_is_refused(request_: ApproveQuote | RejectQuote | AcceptQuote) -> None:
    assert reason(approved().when(at(replace(request_, version=2), JANUARY))) == "VERSION"


# --- accepting ------------------------------------------------------------------------------------------------------


def test_a_signed_quote_asks_for_credit() -> None:
    accepting().then(
        QuoteAcceptanceReceived(
            quote_id="Q-1",
            version=1,
            signature=Signature(accepted_by="Ada Lovelace", signed_on=date(2026, 1, 7), document_hash=SIGNED),
            purchase_order="PO-7",
        ),
        ReserveCredit(quote_id="Q-1", version=1, agreement_id="A-1", amount=eur(600_000)),
    )


def test_it_is_signed_on_the_day_that_it_is_where_the_legal_entity_is() -> None:
    late = datetime(2026, 1, 7, 23, 30, tzinfo=UTC)
    received = approved().when(at(ACCEPT, late)).the(QuoteAcceptanceReceived)
    assert received.signature.signed_on == date(2026, 1, 8)


def test_with_credit_the_offer_becomes_the_order() -> None:
    story = accepted()
    order = story.says(QuoteAccepted).the(QuoteAccepted).order
    priced = approved().the(QuotePriced)
    assert (order.agreement_id, order.version, order.quote_id, order.quote_version) == ("A-1", 1, "Q-1", 1)
    assert (order.customer, order.total, order.lines) == (ACME, eur(600_000), priced.offer.lines)
    assert (order.signature.accepted_by, order.purchase_order) == ("Ada Lovelace", "PO-7")
    assert order.content_hash == priced.content_hash


def test_without_credit_the_quote_stays_approved_and_says_why() -> None:
    story = accepting().when(REFUSED)
    story.then(
        QuoteAcceptanceRefused(
            quote_id="Q-1",
            version=1,
            reason="CREDIT_LIMIT",
            detail="too much",
            exposure=eur(0),
            would_be=eur(600_000),
            limit=eur(60_000),
        )
    )
    assert story.state.status == "APPROVED"


def test_a_quote_refused_for_credit_may_be_accepted_again() -> None:
    story = accepting().when(REFUSED, at(ACCEPT, JANUARY)).says(QuoteAcceptanceReceived, ReserveCredit)
    story.when(RESERVED).says(QuoteAccepted)


@pytest.mark.parametrize("story", [accepting(), accepted()])
def test_the_same_acceptance_twice_says_nothing(story: Story) -> None:
    story.when(at(ACCEPT, JANUARY)).then_nothing()


@pytest.mark.parametrize("story", [accepting(), accepted()])
def test_another_acceptance_of_a_signed_quote_is_refused(story: Story) -> None:
    assert reason(story.when(at(replace(ACCEPT, accepted_by="Eve"), JANUARY))) == "NOT_APPROVED"


def test_what_is_not_approved_cannot_be_accepted() -> None:
    assert reason(in_review().when(at(ACCEPT, JANUARY))) == "NOT_APPROVED"


def test_what_was_signed_must_be_what_was_approved() -> None:
    assert reason(approved().when(at(replace(ACCEPT, content_hash="00" * 32), JANUARY))) == "CONTENT_HASH"


def test_an_acceptance_that_names_the_approved_content_is_received() -> None:
    story = approved()
    right = replace(ACCEPT, content_hash=story.the(QuotePriced).content_hash)
    story.when(at(right, JANUARY)).says(QuoteAcceptanceReceived, ReserveCredit)


def test_after_the_last_day_nothing_is_accepted_even_before_the_clock_has_ticked() -> None:
    assert reason(approved().when(at(ACCEPT, LAST_DAY_OVER))) == "EXPIRED"


@pytest.mark.parametrize("answer", [RESERVED, REFUSED])
def test_an_answer_about_credit_that_nobody_waits_for_says_nothing(answer: CreditRefused) -> None:
    approved().when(answer).then_nothing()
    accepted().when(answer).then_nothing()
    accepting().when(replace(answer, version=2)).then_nothing()
    a_quote().when(answer).then_nothing()


# --- expiring -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", [in_review(), approved()])
def test_an_open_quote_expires_when_its_last_day_is_over(story: Story) -> None:
    assert quote.wakes(story.state) == LAST_DAY_OVER
    story = story.when(at(Wake(), LAST_DAY_OVER)).then(QuoteExpired(quote_id="Q-1", version=1))
    assert quote.wakes(story.state) is None


@pytest.mark.parametrize("story", [a_quote(), accepting(), accepted(), approved().when(REJECT)])
def test_what_is_decided_or_being_accepted_does_not_expire(story: Story) -> None:
    assert quote.wakes(story.state) is None
    story.when(at(Wake(), LAST_DAY_OVER)).then_nothing()


def test_an_acceptance_in_flight_wins_over_expiry() -> None:
    accepting().when(at(Wake(), LAST_DAY_OVER), at(RESERVED, LAST_DAY_OVER)).says(QuoteAccepted)


def test_refused_for_credit_after_its_last_day_it_expires() -> None:
    story = accepting().when(at(REFUSED, LAST_DAY_OVER))
    assert quote.wakes(story.state) == LAST_DAY_OVER


# --- status ---------------------------------------------------------------------------------------------------------


def test_an_unknown_quote_has_no_status() -> None:
    answer = quote.answer(quote.initial, QuoteStatus(quote_id="Q-1"))
    assert answer == QuoteState(quote_id="Q-1", version=0, status="UNKNOWN")


@pytest.mark.parametrize(
    ("story", "status"),
    [
        (in_review(), "IN_REVIEW"),
        (approved(), "APPROVED"),
        (accepting(), "ACCEPTING"),
        (accepted(), "ACCEPTED"),
        (approved().when(REJECT), "REJECTED"),
        (approved().when(at(Wake(), LAST_DAY_OVER)), "EXPIRED"),
    ],
)
def test_the_status_tells_where_the_quote_stands(story: Story, status: str) -> None:
    answer = quote.answer(story.state, QuoteStatus(quote_id="Q-1"))
    assert (answer.status, answer.version, answer.agreement_id) == (status, 1, "A-1")
    assert answer.total == story.state.priced.total


def test_the_policy_of_the_day_decides_not_a_later_one() -> None:
    story = in_review().knowing(replace(POLICY, version=2, discount_limit_percent="20"))
    assert reason(story.when(at(ACCEPT, JANUARY))) == "NOT_APPROVED"
