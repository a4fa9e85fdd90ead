"""The command says what is wrong in one sentence, and ends with a code that a script can use."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from infra.cli import main
from infra.server import free_ports

REGISTER = "commercial.customer.register.v1"


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, " ".join(err.split())


Command = Callable[..., Ended]


@pytest.fixture
def q2c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["q2c", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        told = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, told.out, told.err)

    return command


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("say", "commercial.customer.registr.v1", "ACME"), "is commercial.customer.register.v1 meant?"),
        (("say", "nothing", "ACME"), "there is no message named nothing: see `q2c contracts`"),
        (("say", REGISTER, "A.B", "{}"), "key 'A.B' must be 1 to 64 letters, digits, _ or -"),
        (("say", REGISTER, "ACME", "{"), "Input data was truncated"),
        (("say", REGISTER, "ACME", ""), "is refused: Input data was truncated"),
        (("say", REGISTER, "ACME", "[]"), "is refused: Expected `object`, got `array`"),
        (("say", REGISTER, "ACME", "{}"), "Object missing required field `legal_name`"),
        (("say", REGISTER, "ACME", '{"legal_name": 7, "country": "DE"}'), "got `int` - at `$.legal_name`"),
        (("say", REGISTER, "ACME", "absent.json"), "absent.json cannot be read (No such file or directory)"),
        (("say", "commercial.customer.validate.v1", "ACME"), "use `q2c ask commercial.customer.validate.v1"),
        (("say", "finance.invoice.issued.v1", "ACME"), "is a fact that only finance says"),
        (("say", "finance.number_series.allot.v1", "DE01"), "is internal: only actors of finance say it"),
        (("ask", REGISTER, "ACME"), f"is not a question: use `q2c say {REGISTER} ACME`"),
        (("watch", "--since", "yesterday"), "--since yesterday is neither a log sequence nor a time"),
        (("watch", "--key", "A.B"), "key 'A.B' must be"),
        (("books", "--entity", "D E"), "'D E' is not a legal entity's code"),
        (("play", "absent.jsonl"), "absent.jsonl cannot be read (No such file or directory)"),
        (("watch", "--nats", "foo"), "--nats must be an address such as nats://127.0.0.1:4222"),
        (("watch", "--nats", "user:secret@host"), "--nats must be an address such as nats://127.0.0.1:4222"),
        (("contracts", "show", "finance.invoice.isued.v1"), "is finance.invoice.issued.v1 meant?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_before_anything_is_published(
    q2c: Command, arguments: tuple[str, ...], told: str
) -> None:
    ended = q2c(*arguments)
    assert told in ended.err
    assert ended.code == 2
    assert ended.out == ""


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("amount", {"amount": 10, "currency": "EUR"}, "Expected `str`, got `int` - at `$.amount.amount`"),
        (
            "amount",
            {"amount": "NaN", "currency": "EUR"},
            "`str`: A decimal number as text, such as 19 or 93.3333; never a JSON number - at `$.amount.amount`",
        ),
        ("amount", {"amount": "1", "currency": "eur"}, "Expected `str`: ISO 4217 code - at `$.amount.currency`"),
        ("payment_id", "PAY/1", "Expected `str`: 1 to 64 letters, digits, _ or - - at `$.payment_id`"),
        (
            "amount",
            {"amount": "10.001", "currency": "EUR"},
            "10.001 has more decimals than the 2 of EUR - at `$.amount`",
        ),
        ("amount", {"amount": "10", "currency": "ABC"}, "unknown currency 'ABC'"),
        ("value_date", "20 February", "at `$.value_date`"),
    ],
)
def test_the_path_of_a_wrong_field_is_told(q2c: Command, field: str, value: object, told: str) -> None:
    good = {
        "payment_id": "PAY-1",
        "legal_entity": "DE01",
        "amount": {"amount": "10.00", "currency": "EUR"},
        "value_date": "2026-02-20",
        "bank_reference": "camt-1",
    }
    data = msgspec.json.encode({**good, field: value}).decode()
    ended = q2c("say", "finance.payment.record.v1", "ACME", data)
    assert told in ended.err
    assert ended.code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("say", REGISTER), "Missing argument 'KEY': see `q2c say --help`"),
        (("watch", "--loudly"), "No such option: --loudly: see `q2c watch --help`"),
        (
            ("up", "--port", "0"),
            "Invalid value for '--port': 0 is not in the range 1<=x<=65535: see `q2c up --help`",
        ),
        (("parked", "lst"), "No such command 'lst'. Did you mean 'list'?: see `q2c parked --help`"),
        (("watch", "--key"), "Option '--key' requires an argument: see `q2c --help`"),
        (
            ("books", "--as-of", "March"),
            "Invalid value for '--as-of': 'March' is not a day such as 2026-03-31: see `q2c books --help`",
        ),
    ],
)
def test_a_command_that_is_not_understood_is_one_sentence_and_ends_with_2(
    q2c: Command, arguments: tuple[str, ...], told: str
) -> None:
    ended = q2c(*arguments)
    assert (ended.err, ended.code) == (told, 2)


def test_a_command_without_a_word_shows_what_there_is(q2c: Command) -> None:
    assert "provision" in q2c().out


def test_help_is_no_failure(q2c: Command) -> None:
    ended = q2c("say", "--help")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("say", REGISTER, "ACME", '{"legal_name": "Acme", "country": "DE"}'),
        ("ask", "commercial.customer.validate.v1", "ACME"),
        ("watch",),
        ("journey",),
        ("books",),
        ("verify",),
        ("provision",),
        ("shadow", "--service", "finance"),
        ("travel", "--actor", "finance/invoice/ACME/INV-1"),
        ("parked", "list"),
        ("parked", "retry", "finance/invoice/ACME/INV-1"),
    ],
)
def test_a_mesh_that_is_not_there_ends_with_3(q2c: Command, arguments: tuple[str, ...]) -> None:
    url = f"nats://somebody:secret@127.0.0.1:{free_ports(1)[0]}"
    ended = q2c(*arguments, "--nats", url)
    assert "there is no nats-server at nats://127.0.0.1:" in ended.err
    assert "start the mesh with `q2c up`" in ended.err
    assert "secret" not in ended.err
    assert ended.code == 3


def test_contracts_tell_every_message_who_says_it_and_who_hears_it(q2c: Command) -> None:
    told = q2c("contracts", "--type", "finance.invoice.issued.v1").out
    assert "said by finance.invoice" in told
    assert "finance.receivable" in told
    rows = [msgspec.json.decode(line) for line in q2c("contracts", "--json").out.splitlines()]
    assert {row["kind"] for row in rows} == {"command", "internal command", "event", "broadcast", "question"}


def test_a_contract_is_shown_with_its_fields_and_a_sample(q2c: Command) -> None:
    told = q2c("contracts", "show", "finance.payment.record.v1").out
    assert "q2c.cmd.finance.payment.record.v1.KEY" in told
    assert "bank_reference" in told
    shown = msgspec.json.decode(q2c("contracts", "show", "finance.payment.record.v1", "--json").out)
    assert shown["sample"]["type"] == "finance.payment.record.v1"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_scenario_without_steps_is_wrong(q2c: Command, tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_text(text)
    ended = q2c("play", str(file))
    assert (ended.code, ended.err) == (2, "empty.jsonl has no steps: see `infra/scenarios/half_year.jsonl` for some")


def test_contracts_that_nothing_matches_are_no(q2c: Command) -> None:
    assert q2c("contracts", "--type", "marketing.*").code == 1


def test_data_is_taken_from_a_file(q2c: Command, tmp_path: Path) -> None:
    file = tmp_path / "customer.json"
    file.write_text('{"legal_name": "Acme", "country": "Deutschland"}')
    assert "at `$.country`" in q2c("say", REGISTER, "ACME", str(file)).err
