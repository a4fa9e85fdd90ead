"""Legal entities: registered once, with a time zone and a currency that exist."""

import pytest
from msgspec.structs import replace

from contracts.commercial import LegalEntityRefused, LegalEntityRegistered, RegisterLegalEntity
from services.commercial import legal_entity
from tests.story import at, given

REGISTER = RegisterLegalEntity(
    legal_name="Beispiel Beratung GmbH",
    country="DE",
    functional_currency="EUR",
    time_zone="Europe/Berlin",
    tax_id="DE123456789",
)
REGISTERED = LegalEntityRegistered(
    legal_entity="DE01",
    legal_name="Beispiel Beratung GmbH",
    country="DE",
    functional_currency="EUR",
    time_zone="Europe/Berlin",
    tax_id="DE123456789",
)


def test_a_legal_entity_is_named_by_its_key() -> None:
    assert legal_entity.actor_id(at(REGISTER, key="DE01")) == "DE01"


def test_a_legal_entity_is_registered() -> None:
    given(legal_entity).when(at(REGISTER, key="DE01")).then(REGISTERED)


def test_registering_the_same_twice_says_nothing() -> None:
    given(legal_entity, REGISTERED).when(at(REGISTER, key="DE01")).then_nothing()


def test_a_code_that_is_taken_by_other_data_is_refused() -> None:
    other = at(replace(REGISTER, legal_name="Another GmbH"), key="DE01")
    refused = given(legal_entity, REGISTERED).when(other).the(LegalEntityRefused)
    assert (refused.reason, refused.request) == ("ALREADY_REGISTERED", "commercial.legal_entity.register.v1")


@pytest.mark.parametrize("code", ["ZZZ", "XAU"])
def test_a_currency_that_is_not_money_is_refused(code: str) -> None:
    story = given(legal_entity).when(at(replace(REGISTER, functional_currency=code), key="DE01"))
    assert story.the(LegalEntityRefused).reason == "CURRENCY"


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../secrets", "Europe"])
def test_a_time_zone_that_does_not_exist_is_refused(name: str) -> None:
    story = given(legal_entity).when(at(replace(REGISTER, time_zone=name), key="DE01"))
    assert story.the(LegalEntityRefused).reason == "TIME_ZONE"


def test_after_a_refusal_it_can_be_registered() -> None:
    wrong = at(replace(REGISTER, time_zone="Mars/Base"), key="DE01")
    given(legal_entity).when(wrong, at(REGISTER, key="DE01")).then(REGISTERED)
