"""What an operator may set: read once from the environment; a wrong value is refused by name in one sentence."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from contracts.wire import MAX_BODY
from shared.limits import LIMITS, Limits, Rate

PREFIX = "Q2C_"

SERVERS = r"^(nats|tls|ws|wss)://[^,\s]+(,(nats|tls|ws|wss)://[^,\s]+)*$"
_OWNS = r"^(all|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)$"

_HOST = r"(\*\.)?[A-Za-z0-9.-]+"
_HOSTS = rf"^(\*|{_HOST}(,{_HOST})*)$"

CommandsASecond = Annotated[int, Meta(ge=1, le=1_000_000, description="commands a second from 1 to 1000000")]
CommandsAtOnce = Annotated[int, Meta(ge=1, description="commands at once, at least 1")]


class WrongSetting(ValueError):
    """A setting that cannot be used; its text names the variable and says what would be right."""


class Settings(Struct, frozen=True, kw_only=True):
    """One field per variable: `nats` is Q2C_NATS. The description of a field completes `Q2C_… must be …`."""

    nats: Annotated[
        str, Meta(pattern=SERVERS, description="nats:// addresses separated by commas, such as nats://127.0.0.1:4222")
    ] = "nats://127.0.0.1:4222"
    data: Annotated[Path, Meta(description="the folder that holds the SQLite files")] = Path("data")
    partitions: Annotated[int, Meta(ge=1, le=64, description="a whole number from 1 to 64")] = 8
    owns: Annotated[str, Meta(pattern=_OWNS, description="all, or partitions such as 0-3,6")] = "all"
    clock: Annotated[Literal["wall", "scenario"], Meta(description="wall or scenario")] = "wall"
    parked_per_actor: Annotated[int, Meta(ge=1, description="a number of messages, at least 1")] = 10_000
    parked_per_partition: Annotated[int, Meta(ge=1, description="a number of messages, at least 1")] = 100_000
    storm_window: Annotated[int, Meta(ge=1, le=100_000, description="a number of messages from 1 to 100000")] = 100
    storm_share: Annotated[int, Meta(ge=1, le=100, description="a percentage from 1 to 100")] = 50
    largest: Annotated[int, Meta(ge=1024, le=MAX_BODY, description=f"bytes from 1024 to {MAX_BODY}")] = LIMITS.largest
    actor_rate: CommandsASecond = LIMITS.actor.a_second
    actor_burst: CommandsAtOnce = LIMITS.actor.at_once
    publisher_rate: CommandsASecond = LIMITS.publisher.a_second
    publisher_burst: CommandsAtOnce = LIMITS.publisher.at_once
    secrets: Annotated[Path | None, Meta(description="the folder that holds one file for each secret")] = None
    outside: Annotated[
        str, Meta(pattern=_HOSTS, description="the hosts that may be called: *, or names such as a.example,*.b.example")
    ] = "*"
    private: Annotated[
        Literal["refuse", "allow"], Meta(description="refuse or allow, for calls to addresses not on the internet")
    ] = "refuse"
    snapshot_messages: Annotated[int, Meta(ge=1, description="a number of messages, at least 1")] = 100_000
    """Messages of the log after which a partition's snapshot is taken again."""
    snapshot_minutes: Annotated[int, Meta(ge=1, le=1440, description="a whole number from 1 to 1440")] = 10
    """Minutes after which it is, if anything was said."""
    log: Annotated[Literal["auto", "console", "json"], Meta(description="auto, console or json")] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="debug, info, warning or error")
    ] = "info"

    def __post_init__(self) -> None:
        if beyond := [partition for partition in self.owned if partition >= self.partitions]:
            raise WrongSetting(
                f"Q2C_OWNS must name partitions from 0 to {self.partitions - 1} (Q2C_PARTITIONS is {self.partitions}), "
                f"not {beyond[0]}"
            )

    @property
    def servers(self) -> list[str]:
        return self.nats.split(",")

    @property
    def limits(self) -> Limits:
        """How much may go wrong, and how much may come in."""
        return Limits(
            per_actor=self.parked_per_actor,
            per_partition=self.parked_per_partition,
            window=self.storm_window,
            share=self.storm_share / 100,
            largest=self.largest,
            actor=Rate(self.actor_rate, self.actor_burst),
            publisher=Rate(self.publisher_rate, self.publisher_burst),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that effect workers may call."""
        return tuple(self.outside.split(","))

    @property
    def owned(self) -> tuple[int, ...]:
        """The partitions that this process owns, ascending."""
        if self.owns == "all":
            return tuple(range(self.partitions))
        return tuple(sorted(set(_numbers(self.owns))))


def _numbers(ranges: str) -> Iterator[int]:
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if last and int(last) < int(first):
            raise WrongSetting(
                f"Q2C_OWNS must be all, or partitions such as 0-3,6, not {ranges!r}: {part} runs backwards"
            )
        yield from range(int(first), int(last or first) + 1)


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
