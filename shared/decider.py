"""An actor is a plain module: what it hears, says, answers and keeps is read from the signatures of its functions."""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints, runtime_checkable

import msgspec

from contracts import runtime, wire
from contracts.message import Broadcast, Command, Event, Internal, Message, Question, Wake, name_of, utc

T = TypeVar("T")


@runtime_checkable
class Decider(Protocol):
    """What a module must have to be an actor. `wakes` and `answer` are optional; `decide` may take a reference."""

    @property
    def initial(self) -> Any: ...

    @property
    def actor_id(self) -> Callable[[Any], str | None]: ...

    @property
    def decide(self) -> Callable[..., Sequence[Message]]: ...

    @property
    def evolve(self) -> Callable[[Any, Any], Any]: ...


@runtime_checkable
class Folds(Protocol):
    """What a module must have to be a service's reference: what broadcasts have told everybody."""

    @property
    def initial(self) -> Any: ...

    @property
    def evolve(self) -> Callable[[Any, Any], Any]: ...


class WiringError(TypeError):
    """A module's signatures contradict each other or its contracts: the service cannot start."""


def hears(module: Decider) -> tuple[type[Message], ...]:
    """What the actor hears, `Wake` included: the annotation of `decide`'s second parameter."""
    return message_types(_parameter(module, "decide", 1), f"{_name(module)}.decide hears")


def says(module: Decider) -> tuple[type[Message], ...]:
    """The events and commands the actor says: the annotation of what `decide` returns."""
    returned = get_type_hints(module.decide, include_extras=True).get("return")
    inner = get_args(returned)
    if returned is None or not inner or not issubclass(get_origin(returned) or object, Sequence):
        raise WiringError(f"{_name(module)}.decide must be annotated to return a Sequence of what it says")
    return message_types(inner[0], f"{_name(module)}.decide says")


def asked(module: object) -> dict[type[Question], type[Any]]:
    """The questions a module answers, each with the type of the reply; empty without an `answer`.

    With several questions and several replies, each question's reply is any of them.
    """
    if not hasattr(module, "answer"):
        return {}
    hints = get_type_hints(module.answer, include_extras=True)
    if "return" not in hints:
        raise WiringError(f"{_name(module)}.answer must be annotated with what it replies")
    questions = message_types(_parameter(module, "answer", 1), f"{_name(module)}.answer answers")
    for question in questions:
        if not issubclass(question, Question):
            raise WiringError(f"{_name(module)}.answer answers {question.__name__}, which is not a Question")
    return {question: hints["return"] for question in questions if issubclass(question, Question)}


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type that is none."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in members(part))
    return (annotation,)


def message_types(annotation: Any, where: str) -> tuple[type[Message], ...]:
    """The message types of a union, each once. WiringError for anything that is not a message type."""
    found = members(annotation)
    for item in found:
        if not (isinstance(item, type) and issubclass(item, Message)):
            raise WiringError(f"{where} {item!r}, which is not a message type")
    return tuple(dict.fromkeys(found))


def _name(module: object) -> str:
    return getattr(module, "__name__", type(module).__name__)


def entity_of(module: object) -> str:
    """The entity a module is: the last part of its name."""
    return _name(module).rpartition(".")[2]


def _parameters(module: object, function: str) -> list[Any]:
    """The annotations of a function's parameters, in order."""
    known = getattr(module, function, None)
    if not callable(known):
        raise WiringError(f"{_name(module)} has no {function}")
    hints = get_type_hints(known, include_extras=True)
    code = known.__code__
    names = code.co_varnames[: code.co_argcount]
    missing = [name for name in names if name not in hints]
    if missing:
        raise WiringError(f"{_name(module)}.{function} does not annotate {', '.join(missing)}")
    return [hints[name] for name in names]


def _parameter(module: object, function: str, at: int) -> Any:
    parameters = _parameters(module, function)
    if len(parameters) <= at:
        raise WiringError(f"{_name(module)}.{function} takes {len(parameters)} parameters, needed are {at + 1}")
    return parameters[at]


class StateCodec:
    """A state as bytes and back: the same bytes in every process, and the same state whether folded or read."""

    def __init__(self, state_type: type[Any]) -> None:
        self._decoder = msgspec.json.Decoder(state_type)
        self._unordered = _is_unordered(state_type)
        self.schema = wire.encode(msgspec.json.schema(state_type))

    def encode(self, state: Any) -> bytes:
        return wire.encode(state)

    def decode(self, data: bytes) -> Any:
        return self._decoder.decode(data)

    def settle(self, state: Any) -> Any:
        """`state` as it will be read again: a mapping's order would otherwise tell of how the state came about."""
        return self._decoder.decode(wire.encode(state)) if self._unordered else state

    def settled(self, state: Any) -> tuple[Any, bytes]:
        """The same together with its bytes, for whoever needs both."""
        data = wire.encode(state)
        return self._decoder.decode(data) if self._unordered else state, data


def _parts(data_type: type[Any]) -> Iterator[Any]:
    """Every type that a data type is made of."""
    seen: set[int] = set()
    todo: list[Any] = [msgspec.inspect.type_info(data_type)]
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            todo.extend(item)
        elif isinstance(item, msgspec.inspect.Type | msgspec.inspect.Field) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(getattr(item, name) for name in item.__struct_fields__)
            yield item


def _is_unordered(data_type: type[Any]) -> bool:
    """Whether a mapping or a set is anywhere in a type."""
    unordered = (msgspec.inspect.DictType, msgspec.inspect.SetType, msgspec.inspect.FrozenSetType)
    return any(isinstance(part, unordered) for part in _parts(data_type))


def _check_mappings(name: str, data_type: type[Any]) -> None:
    """A mapping is written in the order of its keys, which is defined for text only."""
    for part in _parts(data_type):
        textual = (msgspec.inspect.StrType, msgspec.inspect.LiteralType)
        if isinstance(part, msgspec.inspect.DictType) and not isinstance(part.key_type, textual):
            raise WiringError(f"{name}: the keys of a mapping in {data_type.__name__} are not text (str)")


@dataclass(frozen=True)
class Wired:
    """One actor module, checked, with what its signatures say."""

    service: str
    entity: str
    module: Decider
    hears: tuple[type[Message], ...]
    """Commands and events; a wake is not among them."""
    says: tuple[type[Message], ...]
    asked: Mapping[type[Question], type[Any]]
    state_type: type[Any]
    reference_type: type[Any] | None
    wants_reference: bool
    answer_wants_reference: bool
    wakes: Callable[[Any], datetime | None] | None
    codec: StateCodec

    @cached_property
    def events(self) -> tuple[type[Event], ...]:
        """What the state is folded from."""
        return tuple(item for item in self.says if issubclass(item, Event))

    @cached_property
    def broadcasts(self) -> tuple[type[Broadcast], ...]:
        """What is delivered to every existing actor of the entity."""
        return tuple(item for item in self.hears if issubclass(item, Broadcast))

    def wake_of(self, state: Any) -> datetime | None:
        """The instant (UTC) the actor wants to be woken at. Raises for a naive one, and for one that is beyond UTC."""
        instant = None if self.wakes is None else self.wakes(state)
        if instant is not None and instant.tzinfo is None:
            raise ValueError(f"{self.entity}.wakes gave {instant}, which has no time zone")
        return None if instant is None else utc(instant)


def fold(module: Decider | Folds, state: T, events: Iterable[Event]) -> T:
    """The state after `events`."""
    for event in events:
        state = module.evolve(state, event)
    return state


def wire_actor(service: str, module: Decider) -> Wired:
    """`module` as an actor of `service`. WiringError says what contradicts what."""
    name = _name(module)
    for needed in ("initial", "actor_id", "decide", "evolve"):
        if not hasattr(module, needed):
            raise WiringError(f"{name} has no {needed}: an actor needs initial, actor_id, decide and evolve")
    heard, said, answers = hears(module), says(module), asked(module)
    parameters = _parameters(module, "decide")
    state_type = parameters[0]
    wakes = getattr(module, "wakes", None)
    wired = Wired(
        service=service,
        entity=entity_of(module),
        module=module,
        hears=tuple(item for item in heard if item is not Wake),
        says=said,
        asked=answers,
        state_type=state_type,
        reference_type=_reference_type(module, parameters),
        wants_reference=len(parameters) == 3,
        answer_wants_reference=bool(answers) and len(_parameters(module, "answer")) == 3,
        wakes=wakes,
        codec=_codec(name, state_type, module.initial),
    )
    if (Wake in heard) != (wakes is not None):
        raise WiringError(f"{name} must both hear Wake and have `wakes`, or neither")
    _check_states(wired)
    _check_names(wired)
    folded = message_types(_parameter(module, "evolve", 1), f"{name}.evolve folds") if wired.events else ()
    if set(folded) != set(wired.events):
        different = ", ".join(sorted(item.__name__ for item in set(folded) ^ set(wired.events)))
        raise WiringError(f"{name}: decide says and evolve folds different events: {different}")
    return wired


def _codec(name: str, state_type: Any, initial: Any) -> StateCodec:
    if not isinstance(initial, msgspec.Struct):
        raise WiringError(f"{name}.initial must be a frozen record, not {type(initial).__name__}")
    _check_mappings(name, state_type)
    try:
        codec = StateCodec(state_type)
        restored = codec.decode(codec.encode(initial))
    except (TypeError, ValueError, msgspec.MsgspecError) as problem:
        raise WiringError(f"{name}: its state cannot be written and read again: {problem}") from None
    if restored != initial:
        raise WiringError(f"{name}.initial is another state once it is written and read again")
    return codec


def _reference_type(module: Decider, parameters: Sequence[Any]) -> type[Any] | None:
    if len(parameters) > 3:
        raise WiringError(f"{_name(module)}.decide takes a state, a message and at most a reference")
    given = [parameters[2]] if len(parameters) == 3 else []
    if hasattr(module, "answer"):
        given.extend(_parameters(module, "answer")[2:3])
    if len(set(given)) > 1:
        raise WiringError(f"{_name(module)}: decide and answer take different references")
    return given[0] if given else None


def _check_states(actor: Wired) -> None:
    for function in ("evolve", "wakes", "answer"):
        if hasattr(actor.module, function) and _parameter(actor.module, function, 0) != actor.state_type:
            raise WiringError(f"{_name(actor.module)}.{function} takes another state than decide")


def _check_names(actor: Wired) -> None:
    """What is said and heard must belong to whom the names say it belongs."""
    module, own = _name(actor.module), f"{actor.service}.{actor.entity}."
    for item in actor.hears:
        name = name_of(item)
        if name == runtime.TICK:
            raise WiringError(f"{module} hears {name}: have `wakes` and hear Wake instead")
        if issubclass(item, Question):
            raise WiringError(f"{module}.decide hears the question {name}: answer it in `answer`")
        if issubclass(item, Command) and not name.startswith(own):
            raise WiringError(f"{module} hears the command {name}, which is addressed to another entity")
    for item in actor.says:
        name = name_of(item)
        _check_mappings(module, item)
        if issubclass(item, Event) and not name.startswith(own):
            raise WiringError(f"{module} says the event {name}, which is another entity's")
        if issubclass(item, Internal) and not name.startswith(f"{actor.service}."):
            raise WiringError(f"{module} says {name}, which is internal to another service")
        if not issubclass(item, Event | Command):
            raise WiringError(f"{module} says {name}, which is neither an event nor a command")
    for question in actor.asked:
        if not name_of(question).startswith(own):
            raise WiringError(f"{module} answers {name_of(question)}, which is asked of another entity")


@dataclass(frozen=True)
class Wiring:
    """A service: its actors and its reference, checked against each other and against the catalogue."""

    service: str
    actors: Mapping[str, Wired]
    """By entity."""
    reference: Folds | None
    reference_hears: tuple[type[Broadcast], ...]
    reference_codec: StateCodec | None
    types: wire.Catalogue

    @cached_property
    def hearers(self) -> Mapping[type[Message], tuple[Wired, ...]]:
        """Who hears a message type, ordered by entity."""
        found: dict[type[Message], tuple[Wired, ...]] = {}
        for entity in sorted(self.actors):
            for item in self.actors[entity].hears:
                found[item] = (*found.get(item, ()), self.actors[entity])
        return found

    @cached_property
    def sayers(self) -> Mapping[type[Message], tuple[str, ...]]:
        """Which entities of the service say an internal command, in alphabetical order."""
        found: dict[type[Message], tuple[str, ...]] = {}
        for entity in sorted(self.actors):
            for item in self.actors[entity].says:
                if issubclass(item, Internal):
                    found[item] = (*found.get(item, ()), entity)
        return found

    @cached_property
    def own(self) -> runtime.RuntimeTypes:
        """What the runtime of this service says and is asked."""
        return runtime.of(self.service)

    @cached_property
    def tick(self) -> type[Message] | None:
        return self.types.get(runtime.TICK)

    @cached_property
    def broadcasts(self) -> frozenset[type[Message]]:
        """The broadcasts that are read by every partition, for the reference or for the actors."""
        heard = (item for item in self.hearers if issubclass(item, Broadcast))
        return frozenset((*heard, *self.reference_hears))

    def fingerprint(self, partitions: int) -> str:
        """Changes with the shape of any state: what was written in another shape is folded again from the log."""
        parts: list[Any] = [[entity, self.actors[entity].codec.schema.decode()] for entity in sorted(self.actors)]
        parts.append(self.reference_codec.schema.decode() if self.reference_codec else None)
        return blake2b(wire.encode([self.service, partitions, parts]), digest_size=16).hexdigest()


def wire_service(
    service: str, actors: Sequence[Decider], reference: Folds | None = None, types: wire.Catalogue | None = None
) -> Wiring:
    """The service made of these modules. WiringError says what contradicts what."""
    known = wire.with_runtime(wire.catalogue() if types is None else types)
    if runtime.of(service).rejected not in known.values():
        known = {**known, **{name_of(item): item for item in runtime.of(service).all}}
    wire.prepare(known)
    wired: dict[str, Wired] = {}
    for module in actors:
        actor = wire_actor(service, module)
        if actor.entity in wired or actor.entity in ("message", "actor", "runtime", "effect"):
            raise WiringError(f"{service} has two entities named {actor.entity}, or one named as the runtime's own")
        for item in (*actor.hears, *actor.says, *actor.asked):
            if known.get(name_of(item)) is not item:
                raise WiringError(f"{actor.entity} uses {name_of(item)}, which is not in the catalogue")
        wired[actor.entity] = actor
    wanted = {actor.reference_type for actor in wired.values() if actor.reference_type is not None}
    if reference is None:
        if wanted:
            raise WiringError(f"{service}: an actor takes a reference and the service has none")
        return Wiring(service, wired, None, (), None, known)
    types_of = _parameters(reference, "evolve")
    if wanted - {types_of[0]}:
        raise WiringError(f"{service}: an actor takes another reference than {_name(reference)} keeps")
    heard = message_types(types_of[1], f"{_name(reference)}.evolve folds")
    folded = tuple(item for item in heard if issubclass(item, Broadcast))
    if len(folded) != len(heard):
        raise WiringError(f"{_name(reference)}.evolve folds what is not broadcast: a reference hears broadcasts only")
    return Wiring(service, wired, reference, folded, _codec(_name(reference), types_of[0], reference.initial), known)


__all__ = [
    "Decider",
    "Folds",
    "StateCodec",
    "Wired",
    "Wiring",
    "WiringError",
    "asked",
    "entity_of",
    "fold",
    "hears",
    "members",
    "message_types",
    "says",
    "wire_actor",
    "wire_service",
]
