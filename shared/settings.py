"""What an operator may set: read once from the environment; a wrong value is refused by name in one sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

PREFIX = "Q2C_"

_SERVERS = r"^(nats|tls|ws|wss)://[^,\s]+(,(nats|tls|ws|wss)://[^,\s]+)*$"


class WrongSetting(ValueError):
    """A setting that cannot be used; its text names the variable and says what would be right."""


class Settings(Struct, frozen=True, kw_only=True):
    """One field per variable: `nats` is Q2C_NATS. The description of a field completes `Q2C_… must be …`."""

    nats: Annotated[
        str, Meta(pattern=_SERVERS, description="nats:// addresses separated by commas, such as nats://127.0.0.1:4222")
    ] = "nats://127.0.0.1:4222"
    data: Annotated[Path, Meta(description="the folder that holds the SQLite files")] = Path("data")
    partitions: Annotated[int, Meta(ge=1, le=64, description="a whole number from 1 to 64")] = 8
    replica: Annotated[
        int, Meta(ge=0, le=63, description="the ordinal of this replica, a whole number from 0 to 63")
    ] = 0
    clock: Annotated[Literal["wall", "scenario"], Meta(description="wall or scenario")] = "wall"
    log: Annotated[Literal["auto", "console", "json"], Meta(description="auto, console or json")] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="debug, info, warning or error")
    ] = "info"

    @property
    def servers(self) -> list[str]:
        return self.nats.split(",")


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`; an empty variable counts as not set. Raises WrongSetting."""
    values: dict[str, object] = {}
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        variable = f"{PREFIX}{name.upper()}"
        if text := environment.get(variable, "").strip():
            values[name] = _value(variable, text, kind)
    return Settings(**values)  # type: ignore[arg-type]  # each value was converted to its field's type just above


def _value(variable: str, text: str, kind: object) -> object:
    metas = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta)]
    wanted = ", ".join(meta.description for meta in metas if meta.description)
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=lambda to, raw: to(raw))
    except msgspec.ValidationError:
        # An address may carry a password, so it is never repeated.
        given = "" if variable == "Q2C_NATS" else f", not {text!r}"
        raise WrongSetting(f"{variable} must be {wanted}{given}") from None


__all__ = ["Settings", "WrongSetting", "read"]
