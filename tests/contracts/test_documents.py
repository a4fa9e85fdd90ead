"""What we claim, we execute: the catalogue, the schemas and the samples are those of today's contracts."""

from pathlib import Path

import pytest

from contracts import wire
from infra import documents


def test_generated_documents_are_current() -> None:
    assert documents.stale() == [], "run `make docs`"


def test_every_message_is_in_the_catalogue() -> None:
    text = documents.CATALOGUE.read_text()
    assert [name for name in wire.catalogue() if f"### {name}\n" not in text] == []


def test_the_words_of_a_field_are_those_of_its_contract() -> None:
    fields = {field.name: field for field in documents.fields(wire.catalogue()["observability.clock.ticked.v1"])}
    assert fields["instant"].type == "Instant"


def test_what_is_missing_is_said_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROOT", "SCHEMAS", "SAMPLES"):
        monkeypatch.setattr(documents, name, tmp_path / ("" if name == "ROOT" else name.lower()))
    monkeypatch.setattr(documents, "CATALOGUE", tmp_path / "CATALOGUE.md")
    assert len(documents.stale()) == 2 * len(wire.catalogue()) + 1
    assert documents.main(["--check"]) == 1
    documents.write()
    (tmp_path / "samples" / "finance.invoice.forgotten.v1.json").write_text("{}")
    assert documents.stale() == ["samples/finance.invoice.forgotten.v1.json is of no message that there is"]
    documents.write()
    assert documents.main(["--check"]) == 0
