"""Services react to each other: everything that is heard is said by somebody, and nothing is addressed to nobody."""

from types import ModuleType

import pytest

from contracts import runtime, wire
from contracts.message import Broadcast, Command, Event, Internal, Message, Question, name_of
from infra.fleet import SERVICES
from infra.wiring import heard_by, is_actor, is_reference, modules, short
from shared import decider

MODULES = [module for service in SERVICES for module in modules(service)]
ACTORS = [module for module in MODULES if is_actor(module)]
CATALOGUE = wire.catalogue()
OF_RUNTIME = {item for service in SERVICES for item in runtime.of(service).all}


def owner(item: type[Message]) -> str:
    """`service.module`, from the one name."""
    return ".".join(name_of(item).split(".")[:2])


def said_by(module: ModuleType) -> list[type[Message]]:
    return list(decider.says(module))


@pytest.mark.parametrize("module", ACTORS, ids=short)
def test_an_actor_fits_its_signatures(module: ModuleType) -> None:
    decider.wire_actor(short(module).split(".")[0], module)


@pytest.mark.parametrize("module", ACTORS, ids=short)
def test_an_event_is_said_by_the_one_module_that_it_is_named_after(module: ModuleType) -> None:
    assert [name_of(item) for item in said_by(module) if issubclass(item, Event) and owner(item) != short(module)] == []


def test_every_event_that_is_heard_is_said_by_somebody() -> None:
    said = {item for module in ACTORS for item in said_by(module)} | OF_RUNTIME | {CATALOGUE[runtime.TICK]}
    unsaid = {
        f"{short(module)} hears {name_of(item)}"
        for module in MODULES
        for item in heard_by(module)
        if issubclass(item, Event) and isinstance(item.__struct_config__.tag, str) and item not in said
    }
    assert sorted(unsaid) == []


def test_every_event_of_the_contracts_is_said_by_somebody() -> None:
    said = {item for module in ACTORS for item in said_by(module)} | OF_RUNTIME | {CATALOGUE[runtime.TICK]}
    assert sorted(name for name, item in CATALOGUE.items() if issubclass(item, Event) and item not in said) == []


def test_each_command_is_heard_by_the_one_actor_that_it_is_addressed_to() -> None:
    hearers = {
        name: [short(module) for module in ACTORS if item in heard_by(module)]
        for name, item in CATALOGUE.items()
        if issubclass(item, Command) and item not in OF_RUNTIME
    }
    assert {name: heard for name, heard in hearers.items() if heard != [owner(CATALOGUE[name])]} == {}


def test_each_question_is_answered_by_the_one_module_that_it_is_named_after() -> None:
    answered = {
        name: [short(module) for module in MODULES if item in decider.asked(module)]
        for name, item in CATALOGUE.items()
        if issubclass(item, Question) and item not in OF_RUNTIME
    }
    assert {name: by for name, by in answered.items() if by != [owner(CATALOGUE[name])]} == {}


def test_every_command_that_is_said_is_heard() -> None:
    heard = {item for module in ACTORS for item in heard_by(module)} | OF_RUNTIME
    lost = [
        f"{short(module)} says {name_of(item)}"
        for module in ACTORS
        for item in said_by(module)
        if issubclass(item, Command) and item not in heard
    ]
    assert lost == []


def test_what_one_actor_says_to_another_nobody_else_may_say() -> None:
    said = {item for module in ACTORS for item in said_by(module) if issubclass(item, Command)}
    assert said == {item for item in CATALOGUE.values() if issubclass(item, Internal)}


def test_a_reference_hears_broadcasts_only() -> None:
    others = [
        f"{short(module)} hears {name_of(item)}"
        for module in MODULES
        if is_reference(module)
        for item in heard_by(module)
        if not issubclass(item, Broadcast)
    ]
    assert others == []


def test_a_service_runs_every_actor_that_it_has() -> None:
    for service in SERVICES:
        app = __import__(f"services.{service}.app", fromlist=["app"]).app
        running = {f"{service}.{entity}" for entity in app.wiring.actors}
        assert running == {short(module) for module in ACTORS if short(module).startswith(f"{service}.")}


def test_observability_never_hears_itself() -> None:
    own = [
        f"{short(module)} hears {name_of(item)}"
        for module in ACTORS
        if short(module).startswith("observability.")
        for item in heard_by(module)
        if isinstance(item.__struct_config__.tag, str) and name_of(item).startswith("observability.")
    ]
    assert own == []
