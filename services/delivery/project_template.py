"""A project template: the phases, tasks and roles from which projects are provisioned, in versions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import assert_never

from contracts.delivery import ProjectTemplatePublished, ProjectTemplateRefused, PublishProjectTemplate
from contracts.message import Record, name_of

Heard = PublishProjectTemplate
Said = ProjectTemplatePublished | ProjectTemplateRefused

MOST_TASKS = 1000


class ProjectTemplate(Record):
    latest: ProjectTemplatePublished | None = None


initial = ProjectTemplate()


def actor_id(message: Heard) -> str:
    return message.key


def decide(state: ProjectTemplate, message: Heard) -> Sequence[Said]:
    asked, latest = publication(message), state.latest
    following = latest.version + 1 if latest else 1
    match message:
        case PublishProjectTemplate() if asked == latest:
            return []  # published twice with the same data
        case PublishProjectTemplate() if message.version != following:
            return [refuse(message, "VERSION", f"the next version is {following}, not {message.version}")]
        case PublishProjectTemplate() if phase := repeated(phase.phase for phase in message.phases):
            return [refuse(message, "DUPLICATE_PHASE", f"phase {phase} stands twice")]
        case PublishProjectTemplate() if task := repeated(task for phase in message.phases for task in phase.tasks):
            return [
                refuse(message, "DUPLICATE_TASK", f"task {task} stands twice: time is booked on a task by its name")
            ]
        case PublishProjectTemplate() if sum(len(phase.tasks) for phase in message.phases) > MOST_TASKS:
            return [refuse(message, "TOO_MANY_TASKS", f"a project has at most {MOST_TASKS} tasks")]
        case PublishProjectTemplate() if role := repeated(message.roles):
            return [refuse(message, "DUPLICATE_ROLE", f"role {role} stands twice")]
        case PublishProjectTemplate():
            return [asked.about(message.correlation)]
        case _:
            assert_never(message)


def evolve(state: ProjectTemplate, event: Said) -> ProjectTemplate:
    match event:
        case ProjectTemplatePublished():
            return ProjectTemplate(latest=event)
        case ProjectTemplateRefused():
            return state
        case _:
            assert_never(event)


def repeated(names: Iterable[str]) -> str | None:
    """The first name that stands more than once."""
    return next((name for name, times in Counter(names).items() if times > 1), None)


def publication(message: PublishProjectTemplate) -> ProjectTemplatePublished:
    return ProjectTemplatePublished(
        template=message.key, version=message.version, phases=message.phases, roles=message.roles
    )


def refuse(message: PublishProjectTemplate, reason: str, detail: str) -> ProjectTemplateRefused:
    return ProjectTemplateRefused(
        template=message.key,
        version=message.version,
        request=name_of(PublishProjectTemplate),
        reason=reason,
        detail=detail,
    ).about(message.correlation)
