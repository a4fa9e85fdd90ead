"""Laws that hold for every actor of every service: in the half-year that the demo plays, and in random stories."""

import os
import re
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from contracts import wire
from contracts.message import Event, Refusal, Wake, name_of
from shared.decider import Wired, members
from tests.pure.memory_mesh import Step, actors, half_year, heard_from
from tests.pure.storyteller import Storyteller, decide, stories

ANSWER = re.compile(r"(_refused|_examined|_not_admitted|provision_rejected)\.v\d+$")
"""A business no, or a word on a question, is given again when it is asked for again."""

every_actor = pytest.mark.parametrize("name", actors())
laws = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@every_actor
def test_every_actor_keeps_the_laws_in_the_half_year_of_the_demo(name: str) -> None:
    service, entity = name.split(".")
    mesh = half_year().mesh.services[service]
    assert [parked for parked in mesh.parked if parked.ref.entity == entity] == []
    for step in mesh.steps.get(entity, []):
        the_laws_hold(mesh.wiring.actors[entity], step)


@every_actor
@laws
@given(story=stories)
def test_every_actor_keeps_the_laws_whatever_it_hears(name: str, story: tuple[int, list[int]]) -> None:
    beginning, numbers = story
    teller = Storyteller(name, beginning)
    for step in teller.tell(numbers):
        the_laws_hold(teller.actor, step)
    for question, reply in teller.ask():
        assert isinstance(reply, members(teller.actor.asked[question]))
        assert msgspec.json.decode(wire.encode(reply), type=type(reply)) == reply


def the_laws_hold(actor: Wired, step: Step) -> None:
    """That it decides at all, under its own key and what its signature names, the runtime's own deciding checks."""
    deciding_again_gives_the_same_bytes(actor, step)
    the_state_is_the_same_whether_folded_from_what_is_said_or_from_the_log(actor, step)
    the_state_is_the_same_once_written_and_read(actor, step)
    if isinstance(step.message, Wake):
        a_wake_says_something_and_moves_on(step)
    else:
        hearing_it_again_says_nothing_new(actor, step)


def deciding_again_gives_the_same_bytes(actor: Wired, step: Step) -> None:
    assert decide(actor, step).sayings == decide(actor, step).sayings


def the_state_is_the_same_whether_folded_from_what_is_said_or_from_the_log(actor: Wired, step: Step) -> None:
    module: Any = actor.module
    state, known = step.before.state, (step.reference,) if actor.wants_reference else ()
    for said in module.decide(state, step.message, *known):
        state = module.evolve(state, said) if isinstance(said, Event) else state
    assert actor.codec.encode(state) == actor.codec.encode(step.after.state)


def the_state_is_the_same_once_written_and_read(actor: Wired, step: Step) -> None:
    state = step.after.state
    assert actor.codec.decode(actor.codec.encode(state)) == state


def a_wake_says_something_and_moves_on(step: Step) -> None:
    assert any(isinstance(item, Event) for item in step.said)
    assert step.after.wake != step.before.wake


def hearing_it_again_says_nothing_new(actor: Wired, step: Step) -> None:
    """The same message delivered twice, or said once more at a later place of the log."""
    context = step.message.context
    later = msgspec.structs.replace(context, id=f"{context.id}-again", sequence=context.sequence + 1)
    for message in (step.message, step.message.heard(later)):
        again = decide(actor, step, message=message, again=True)
        said = heard_from(again.sayings)
        new = [item for item in said if item not in step.said or (isinstance(item, Event) and not is_answer(item))]
        assert not new, f"{name_of(type(message))} heard again says {new}, having said {step.said}"
        assert actor.codec.encode(again.entry.state) == actor.codec.encode(step.after.state)


def is_answer(event: Event) -> bool:
    return isinstance(event, Refusal) or ANSWER.search(name_of(type(event))) is not None


def test_what_is_said_does_not_depend_on_the_hash_seed() -> None:
    tell = "import sys; from tests.pure.storyteller import transcript; sys.stdout.buffer.write(transcript(12))"
    told = [
        subprocess.Popen(
            [sys.executable, "-c", tell], env=os.environ | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE
        )
        for seed in ("1", "2")
    ]
    one, other = (process.communicate()[0] for process in told)
    assert one == other != b""
