"""The stream the log is kept in, and the bucket for snapshots: made in one place, only checked everywhere else."""

from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from contracts.wire import STREAM
from shared import bucket, protocol, telemetry

OLDEST_SERVER = (2, 15)
MAX_PARTITIONS = 64
_SUBJECTS = ["q2c.cmd.>", "q2c.evt.>", "q2c.sys.>"]
_note = telemetry.logger("log")


class LogUnfit(Exception):
    """The log cannot be used; the message says what to do. `heals`: waiting and trying again may help."""

    def __init__(self, message: str, *, heals: bool = False) -> None:
        super().__init__(message)
        self.heals = heals


async def connect(url: str, name: str) -> Client:
    """A connection that reconnects for ever. Raises when the server is not there now."""

    async def failed(problem: Exception) -> None:
        _note.warning("the connection to nats-server has a problem", problem=str(problem) or type(problem).__name__)

    return await protocol.connect(
        url, name=name, max_reconnect_attempts=-1, reconnect_time_wait=1, allow_reconnect=True, error_cb=failed
    )


def _wanted(partitions: int, replicas: int) -> api.StreamConfig:
    places = [f"{{{{wildcard({n})}}}}" for n in range(1, 6)]
    return api.StreamConfig(
        name=STREAM,
        description="Q2C Mesh: the log is the truth",
        subjects=list(_SUBJECTS),
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.NEW,
        num_replicas=replicas,
        duplicate_window=120,
        allow_rollup_hdrs=True,
        allow_direct=True,
        allow_atomic=True,
        allow_msg_ttl=True,
        subject_transform=api.SubjectTransform(
            src="q2c.*.*.*.*.*.*",
            dest=".".join(["q2c", *places, f"{{{{partition({partitions},6)}}}}", "{{wildcard(6)}}"]),
        ),
    )


_RECONCILED = (
    "description",
    "subjects",
    "retention",
    "storage",
    "discard",
    "num_replicas",
    "duplicate_window",
    "allow_rollup_hdrs",
    "allow_direct",
    "allow_atomic",
    "allow_msg_ttl",
)
_NEEDED = ("subjects", "retention", "discard", "allow_rollup_hdrs", "allow_direct", "allow_atomic", "allow_msg_ttl")


def _differences(found: api.StreamConfig, wanted: api.StreamConfig, names: Sequence[str]) -> list[str]:
    return [
        f"{name} {getattr(found, name)} -> {getattr(wanted, name)}"
        for name in names
        if getattr(found, name) != getattr(wanted, name)
    ]


def _partitions_of(config: api.StreamConfig) -> int | None:
    """How many partitions the stream was made with; None when its transform is not the mesh's."""
    transform = config.subject_transform
    for partitions in range(1, MAX_PARTITIONS + 1):
        if transform == _wanted(partitions, 1).subject_transform:
            return partitions
    return None


async def provision(nc: Client, partitions: int, replicas: int = 1) -> list[str]:
    """Make the stream, and the bucket for snapshots, as the mesh needs them; returns what was changed.

    Other settings of an existing stream are left alone. LogUnfit for another number of partitions, which is fixed
    when the stream is made: every key would move.
    """
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise LogUnfit(f"{partitions} partitions are not possible: choose 1 to {MAX_PARTITIONS}")
    js = await _jetstream(nc)
    return [*await _provision_stream(js, partitions, replicas), *await bucket.provision(js, replicas)]


async def _provision_stream(js: JetStreamContext, partitions: int, replicas: int) -> list[str]:
    wanted = _wanted(partitions, replicas)
    try:
        found = (await js.stream_info(STREAM)).config
    except NotFoundError:
        await js.add_stream(wanted)
        return [f"created stream {STREAM} with {partitions} partitions"]
    existing = _partitions_of(found)
    if existing != partitions:
        made = "a subject transform of its own" if existing is None else f"{existing} partitions"
        raise LogUnfit(f"stream {STREAM} was made with {made}, not {partitions} partitions: this can never be changed")
    if found.storage != wanted.storage:
        raise LogUnfit(f"stream {STREAM} is not kept in files: delete it and provision again")
    changes = _differences(found, wanted, _RECONCILED)
    if changes:
        for name in _RECONCILED:
            setattr(found, name, getattr(wanted, name))
        await js.update_stream(found)
    return [f"stream {STREAM}: {change}" for change in changes]


async def check(nc: Client) -> int:
    """The number of partitions of the log. LogUnfit, saying what to do, where the mesh cannot run on it."""
    js = await _jetstream(nc)
    try:
        found = (await js.stream_info(STREAM)).config
    except NotFoundError:
        raise LogUnfit(f"there is no stream {STREAM}: run `q2c provision`", heals=True) from None
    partitions = _partitions_of(found)
    if partitions is None:
        raise LogUnfit(f"stream {STREAM} has another subject transform: it was not made by `q2c provision`")
    different = _differences(found, _wanted(partitions, 1), _NEEDED)
    if different:
        raise LogUnfit(f"stream {STREAM} differs ({'; '.join(different)}): run `q2c provision`", heals=True)
    if not await bucket.is_there(js):
        raise LogUnfit(f"there is no object store {bucket.NAME}: run `q2c provision`", heals=True)
    return partitions


async def _jetstream(nc: Client) -> JetStreamContext:
    version = nc.connected_server_version
    if (version.major, version.minor) < OLDEST_SERVER:
        needed = ".".join(map(str, OLDEST_SERVER))
        raise LogUnfit(f"nats-server {version} is too old: the mesh needs {needed} or newer")
    js = nc.jetstream()
    try:
        await js.account_info()
    except APIError:
        raise LogUnfit("nats-server has JetStream switched off: start it with `jetstream {}`") from None
    except (NatsError, TimeoutError):
        raise LogUnfit("JetStream does not answer: is it switched on, has the cluster a leader?", heals=True) from None
    return js


__all__ = ["MAX_PARTITIONS", "LogUnfit", "check", "connect", "provision"]
