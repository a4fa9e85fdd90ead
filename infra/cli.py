"""The `q2c` command: how people and scripts meet the mesh."""

import sys
from typing import NoReturn

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError  # typer has no public name for them

from infra.commands import contracts, history, mesh, messages, parked, rejected, views, webhooks
from infra.failure import WRONG, Failure
from infra.screen import ERR
from shared import telemetry

app = typer.Typer(
    name="q2c",
    help="Q2C Mesh: from a signed quote to cash.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 what was given is wrong, 3 the mesh is not there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (mesh, messages, views, history):
    app.add_typer(commands.app)
app.add_typer(parked.app, name="parked", help="Actors that could not decide a message, and what waits for them.")
app.add_typer(rejected.app, name="rejected", help="Messages that nobody could hear.")
app.add_typer(webhooks.app, name="webhooks", help="What is sent to outside systems: list, show, replay.")
app.add_typer(contracts.app, name="contracts")


def main() -> None:
    """Run the command; what it could not do is one sentence on stderr and an exit code."""
    telemetry.configure("q2c", style="console", level="warning")
    try:
        sys.exit(app(prog_name="q2c", standalone_mode=False))
    except NoArgsIsHelpError:  # the help has been shown
        sys.exit(WRONG)
    except UsageError as problem:
        _end(_misused(problem))
    except Failure as failure:
        _end(failure)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _misused(problem: UsageError) -> Failure:
    command = problem.ctx.command_path if problem.ctx else "q2c"
    return Failure(f"{problem.format_message().rstrip('.')}: see `{command} --help`", WRONG)


def _end(failure: Failure) -> NoReturn:
    ERR.print(str(failure), style="bold red", markup=False)
    sys.exit(failure.code)


if __name__ == "__main__":
    main()
