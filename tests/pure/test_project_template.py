import pytest

from contracts.delivery import Phase, ProjectTemplatePublished, ProjectTemplateRefused, PublishProjectTemplate
from contracts.message import Message
from services.delivery import project_template
from tests.pure.delivery_orders import template
from tests.story import at, given

PHASES = (Phase(phase="discover", tasks=("interviews", "blueprint")), Phase(phase="build", tasks=("configure",)))
MANY = tuple(Phase(phase=f"P{n}", tasks=tuple(f"P{n}-{task}" for task in range(501))) for n in range(2))


def publish(
    version: int, *roles: str, phases: tuple[Phase, ...] = PHASES, key: str = "CONSULTING"
) -> PublishProjectTemplate:
    return at(PublishProjectTemplate(version=version, phases=phases, roles=roles), key=key)


def test_the_key_names_the_template() -> None:
    assert project_template.actor_id(publish(1)) == "CONSULTING"


def test_a_first_version_is_published_for_all() -> None:
    given(project_template).when(publish(1, "architect")).then(template("architect"))


def test_the_next_version_follows() -> None:
    given(project_template, template("architect")).when(publish(2, "architect", "senior")).then(
        template("architect", "senior", version=2)
    )


def test_a_version_published_twice_is_said_once() -> None:
    given(project_template, template("architect")).when(publish(1, "architect")).then_nothing()


@pytest.mark.parametrize(
    ("before", "asked", "reason"),
    [
        ((), publish(2, "architect"), "VERSION"),
        ((template("architect"),), publish(1, "senior"), "VERSION"),
        ((template("architect"),), publish(3, "senior"), "VERSION"),
        ((), publish(1, "architect", "architect"), "DUPLICATE_ROLE"),
        ((), publish(1, phases=(Phase(phase="build"), Phase(phase="build"))), "DUPLICATE_PHASE"),
        ((), publish(1, phases=(Phase(phase="a", tasks=("t",)), Phase(phase="b", tasks=("t",)))), "DUPLICATE_TASK"),
        ((), publish(1, phases=MANY), "TOO_MANY_TASKS"),
    ],
)
def test_a_version_that_does_not_fit_is_refused_and_changes_nothing(
    before: tuple[ProjectTemplatePublished, ...], asked: PublishProjectTemplate, reason: str
) -> None:
    story = given(project_template, *before).when(asked)
    assert story.the(ProjectTemplateRefused).reason == reason
    assert story.state == given(project_template, *before).state


@pytest.mark.parametrize("asked", [publish(1), publish(2)])
def test_what_is_said_is_about_the_chain_of_the_request(asked: Message) -> None:
    (said,) = given(project_template).when(asked).said
    assert said.address.journey == asked.correlation
