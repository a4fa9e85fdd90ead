"""The delivery service: projects, people, time, milestones and what they cost."""

from services.delivery import (
    calendar,
    cost,
    estimate,
    milestone,
    project,
    project_template,
    reference,
    staffing,
    time_entry,
    timesheet_week,
)
from shared.service import service

app = service(
    "delivery",
    project_template,
    project,
    milestone,
    staffing,
    calendar,
    time_entry,
    timesheet_week,
    cost,
    estimate,
    reference=reference,
)
