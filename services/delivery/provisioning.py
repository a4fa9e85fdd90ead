"""How an agreement becomes a project: phases and tasks from the template, milestones and budget from the order."""

from contracts.delivery import (
    LineBudget,
    MilestoneNode,
    PlanMilestone,
    ProjectProvisioned,
    ProjectProvisionRejected,
    ProjectTemplatePublished,
    ProvisionProject,
)
from contracts.message import name_of
from contracts.order import FixedMilestone, MilestoneTerm, OrderLine, ServicesOrder, TimeMaterialsCapped
from services.delivery.reference import Reference

NAMED = 5
"""So many missing roles are named; the rest is counted."""


def provision(
    project_id: str, order: ServicesOrder, reference: Reference
) -> list[ProjectProvisioned | ProjectProvisionRejected | PlanMilestone]:
    """Provisioned with its milestones to plan, or rejected with the way out (domain E02)."""
    wanted = order.project
    template = reference.templates.get(wanted.template)
    if template is None:
        return [unknown_template(project_id, order)]
    missing = [role for role in wanted.roles if role not in template.roles]
    if missing:
        return [lacking_roles(project_id, order, template, missing)]
    nodes = milestones_of(order)
    provisioned = ProjectProvisioned(
        project_id=project_id,
        legal_entity=order.legal_entity,
        template=template.template,
        template_version=template.version,
        phases=template.phases,
        roles=template.roles,
        milestones=nodes,
        budgets=tuple(LineBudget(line_id=line.line_id, budget=line.budget) for line in order.lines),
        time_lines=tuple(
            (line.line_id, line.billing.rate_card)
            for line in order.lines
            if isinstance(line.billing, TimeMaterialsCapped)
        ),
    )
    return [provisioned, *plans(project_id, order.legal_entity, nodes)]


def plans(project_id: str, legal_entity: str, nodes: tuple[MilestoneNode, ...]) -> list[PlanMilestone]:
    return [PlanMilestone(milestone=node, project_id=project_id, legal_entity=legal_entity) for node in nodes]


def milestones_of(order: ServicesOrder) -> tuple[MilestoneNode, ...]:
    """One to one with what the billing plan bills on acceptance."""
    return tuple(node(line.line_id, term) for line in order.lines for term in terms_of(line))


def terms_of(line: OrderLine) -> tuple[MilestoneTerm, ...]:
    return line.billing.milestones if isinstance(line.billing, FixedMilestone) else ()


def node(line_id: str, term: MilestoneTerm) -> MilestoneNode:
    return MilestoneNode(milestone_id=term.milestone_id, line_id=line_id, name=term.name, due_on=term.due_on)


def unknown_template(project_id: str, order: ServicesOrder) -> ProjectProvisionRejected:
    template = order.project.template
    return ProjectProvisionRejected(
        project_id=project_id,
        reason="UNKNOWN_TEMPLATE",
        detail=f"there is no project template {template}",
        way_out=f"publish template {template}, then ask again by {name_of(ProvisionProject)}",
        order=order,
    )


def lacking_roles(
    project_id: str, order: ServicesOrder, template: ProjectTemplatePublished, missing: list[str]
) -> ProjectProvisionRejected:
    roles = ("role " if len(missing) == 1 else "roles ") + named(missing)
    return ProjectProvisionRejected(
        project_id=project_id,
        reason="PSA_TEMPLATE",
        detail=f"template {template.template} version {template.version} lacks {roles}",
        way_out=(
            f"publish version {template.version + 1} of template {template.template} with {roles},"
            f" then ask again by {name_of(ProvisionProject)}"
        ),
        order=order,
    )


def named(missing: list[str]) -> str:
    text = ", ".join(missing[:NAMED])
    return text if len(missing) <= NAMED else f"{text} and {len(missing) - NAMED} more"
