"""Policies: versions without a gap, a percentage that is one, dunning levels that rise."""

import pytest
from msgspec.structs import replace

from contracts.commercial import PolicyPublished, PolicyRefused, PublishPolicy
from services.commercial import policy
from tests.story import at, given

PUBLISH = PublishPolicy(version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7, 21))
PUBLISHED = PolicyPublished(
    legal_entity="DE01", version=1, discount_limit_percent="10", payment_terms_days=30, dunning_days=(7, 21)
)


def heard(message: PublishPolicy) -> PublishPolicy:
    return at(message, key="DE01")


def test_a_policy_belongs_to_the_legal_entity_of_its_key() -> None:
    assert policy.actor_id(heard(PUBLISH)) == "DE01"


def test_the_first_version_is_published() -> None:
    given(policy).when(heard(PUBLISH)).then(PUBLISHED)


def test_publishing_the_same_version_twice_says_nothing() -> None:
    given(policy, PUBLISHED).when(heard(PUBLISH)).then_nothing()


def test_the_next_version_replaces_it() -> None:
    following = replace(PUBLISH, version=2, dunning_days=())
    given(policy, PUBLISHED).when(heard(following)).then(replace(PUBLISHED, version=2, dunning_days=()))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(PUBLISH, version=3), "VERSION"),
        (replace(PUBLISH, payment_terms_days=14), "VERSION"),
        (replace(PUBLISH, version=2, discount_limit_percent="-1"), "DISCOUNT_LIMIT"),
        (replace(PUBLISH, version=2, discount_limit_percent="100.01"), "DISCOUNT_LIMIT"),
        (replace(PUBLISH, version=2, dunning_days=(7, 7)), "DUNNING_DAYS"),
        (replace(PUBLISH, version=2, dunning_days=(21, 7)), "DUNNING_DAYS"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: PublishPolicy, reason: str) -> None:
    refused = given(policy, PUBLISHED).when(heard(wrong)).the(PolicyRefused)
    assert (refused.reason, refused.version, refused.legal_entity) == (reason, wrong.version, "DE01")


def test_a_refused_version_may_be_published_corrected() -> None:
    wrong = replace(PUBLISH, dunning_days=(21, 7))
    given(policy).when(heard(wrong), heard(PUBLISH)).then(PUBLISHED)
