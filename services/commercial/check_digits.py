"""Numbers that tell a slip of the pen: LEI, VAT id and IBAN carry check digits; countries and languages are lists."""

from typing import Protocol

import pycountry
from stdnum import get_cc_module, iban, lei

from contracts.customer import CustomerData, TaxScheme
from services.commercial.currency import is_currency
from services.commercial.problem import Problem


class TaxRule(Protocol):
    """What the library knows of a country's numbers."""

    def is_valid(self, number: str) -> bool: ...

    def compact(self, number: str) -> str: ...


def is_country(code: str) -> bool:
    return pycountry.countries.get(alpha_2=code) is not None


def is_subdivision(code: str, country: str) -> bool:
    """Whether the code is a part of the country (ISO 3166-2)."""
    found = pycountry.subdivisions.get(code=code)
    return found is not None and found.country_code == country


def is_language(tag: str) -> bool:
    """Whether language and, where there is one, country are known (ISO 639, ISO 3166-1)."""
    language, _, country = tag.partition("-")
    known = pycountry.languages.get(alpha_2=language) or pycountry.languages.get(alpha_3=language)
    return known is not None and (not country or is_country(country))


def problem_of(data: CustomerData) -> Problem | None:
    """The first field that cannot be right, and the rule that it breaks."""
    if not is_country(data.country):
        return Problem(reason="COUNTRY", detail=f"country: {data.country} is not a country of ISO 3166-1")
    if data.tax_id and not is_tax_id(data.country, "VAT", data.tax_id):
        return Problem(reason="TAX_ID", detail=f"tax_id: the check digits are not those of a VAT id of {data.country}")
    if data.lei and not lei.is_valid(data.lei):
        return Problem(reason="LEI", detail="lei: the check digits are not those of ISO 7064 MOD 97-10")
    if data.iban and not iban.is_valid(data.iban):
        return Problem(reason="IBAN", detail="iban: length or check digits are not those of ISO 13616")
    if data.currency and not is_currency(data.currency):
        return Problem(reason="CURRENCY", detail=f"currency: {data.currency} is not a currency of ISO 4217")
    if data.language and not is_language(data.language):
        return Problem(reason="LANGUAGE", detail=f"language: {data.language} is not a language of ISO 639")
    return None


def is_tax_id(country: str, scheme: TaxScheme, tax_id: str) -> bool:
    """Whether the number can be one of that country; what nobody has a rule for may be any."""
    rule = _rule(country, scheme)
    return rule is None or rule.is_valid(tax_id)


def canonical_tax_id(country: str, scheme: TaxScheme, tax_id: str) -> str:
    """The number as it is compared: with its country, without blanks and signs."""
    rule = _rule(country, scheme)
    number = "".join(sign for sign in tax_id.upper() if sign.isalnum()) if rule is None else rule.compact(tax_id)
    return f"{country}{number.removeprefix(country)}"


def _rule(country: str, scheme: TaxScheme) -> TaxRule | None:
    return get_cc_module(country.lower(), "vat") if scheme == "VAT" else None
