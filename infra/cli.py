"""The `q2c` command: how people and scripts meet the mesh."""

import sys

import typer

from infra.commands import contracts, history, mesh, messages, parked, views
from infra.failure import Failure
from infra.screen import ERR

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
app.add_typer(parked.app, name="parked", help="Actors that could not decide a message: list, show, retry, discard.")
app.add_typer(contracts.app, name="contracts")


def main() -> None:
    """Run the command; what it could not do is one sentence on stderr and an exit code."""
    try:
        app()
    except Failure as failure:
        ERR.print(str(failure), style="bold red", markup=False)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
