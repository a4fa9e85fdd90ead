"""A customer: whom the firm may sell to, and how much it may come to owe before somebody has to decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar, assert_never

from msgspec.structs import replace

from contracts.commercial import AgreementOpened
from contracts.customer import (
    CheckCredit,
    CreditCheck,
    CreditHoldPlaced,
    CreditHoldReleased,
    CreditRefused,
    CreditReserved,
    CustomerRefused,
    CustomerRegistered,
    CustomerResolved,
    CustomerUpdated,
    CustomerValidation,
    DecideMatch,
    DeclineMerge,
    DunningBlocked,
    DunningUnblocked,
    ExposureChanged,
    ExposureInherited,
    ForeignWriteRefused,
    GiveWay,
    Hierarchy,
    MatchDismissed,
    MergeCustomer,
    MergeRefused,
    MergeRequested,
    PassHoldOn,
    RecordTaxCheck,
    RegisterCustomer,
    ReleaseHold,
    ReserveCredit,
    Resolution,
    ResolveCustomer,
    ResolveOrCreate,
    ShowHierarchy,
    TakeExposure,
    TakeMatch,
    TakeOver,
    TaxRegistrationRecorded,
    UnblockDunning,
    ValidateCustomer,
)
from contracts.message import Message, Record, Wake, name_of
from services.commercial import credit, dunning_block, master_data, merging, resolution
from services.commercial.check_digits import problem_of
from services.commercial.credit import Credit
from services.commercial.master_data import Profile, data_of, registered
from services.commercial.merging import Kinship
from services.commercial.problem import Problem
from services.commercial.reference import Reference, day_of
from services.commercial.resolution import Known
from services.commercial.standing import resolved, validation
from services.commercial.system_of_record import Write, refuse_foreign, rules_for

M = TypeVar("M", bound=Message)

Standing = master_data.Request | credit.Decision | dunning_block.Request | MergeCustomer
"""What is asked of a customer that is registered and nobody's alias."""
Request = RegisterCustomer | ResolveOrCreate | DecideMatch | Standing
Merging = GiveWay | TakeOver | DeclineMerge | TakeExposure
Heard = Request | TakeMatch | Merging | ReserveCredit | PassHoldOn | AgreementOpened | credit.Work | Wake
Said = (
    CustomerRegistered
    | CustomerRefused
    | ForeignWriteRefused
    | master_data.Changed
    | resolution.Event
    | merging.Event
    | credit.Event
    | dunning_block.Event
)
Told = resolution.Claim | Merging | credit.Word
Asked = ValidateCustomer | CheckCredit | ResolveCustomer | ShowHierarchy


class Customer(Record):
    profile: Profile | None = None  # None until registered
    known: Known = Known()
    kinship: Kinship = Kinship()
    credit: Credit = Credit()
    dunning_block: DunningBlocked | None = None


initial = Customer()


def actor_id(message: Heard | Asked) -> str:
    return message.key


def decide(state: Customer, message: Heard, reference: Reference) -> Sequence[Said | Told]:
    """A customer has many chains: what it says names the one that it heard about."""
    said = decision(state, message, reference)
    return [item.about(message.correlation) for item in (*said, *passed_up(state, said))]


def decision(state: Customer, message: Heard, reference: Reference) -> Sequence[Said | Told]:
    match message:
        case RegisterCustomer():
            return register(state, message, reference)
        case ResolveOrCreate():
            return resolve(state, message)
        case DecideMatch():
            return decide_match(state, message)
        case TakeMatch() if state.profile:
            return resolution.suspect(state.known, message, reference)
        case TakeMatch():
            return resolution.answer(state.known, message, reference)

        case GiveWay():
            exposure, is_registered = state.credit.exposure, state.profile is not None
            return merging.give_way(state.kinship, exposure, message, is_registered=is_registered)
        case TakeOver():
            return merging.take_over(state.kinship, message)
        case DeclineMerge():
            return some(merging.declined(state.kinship, message))
        case TakeExposure():
            return some(merging.take_exposure(state.kinship, state.credit.exposure, message))

        case ReserveCredit():
            return some(reserve(state, message, reference))
        case AgreementOpened() if state.credit.hold(message.order.legal_entity):
            return [credit.word(state.credit, message.agreement_id, message.order.legal_entity)]
        case AgreementOpened():
            return []  # it may begin
        case PassHoldOn():
            return credit.words(state.credit, message.legal_entity, message.after)

        case Wake() if state.dunning_block:
            return [DunningUnblocked(customer_id=message.key)]
        case Wake():
            return []  # lifted before its last day was over

        case _ if isinstance(message, credit.Work):
            return some(credit.work(state.credit, message))
        case _:
            return stand(state, message, reference)


def stand(state: Customer, message: Standing, reference: Reference) -> Sequence[Said | Told]:
    """What is asked of a customer; of an alias only that what was stopped under it goes on."""
    profile, survivor = state.profile, state.kinship.survivor
    if survivor is not None and not isinstance(message, ReleaseHold | UnblockDunning):
        return [turned_down(message, alias_of(survivor))]
    if profile is None:
        return [turned_down(message, UNKNOWN)]
    if isinstance(message, dunning_block.Request):
        block = dunning_block.decide(state.dunning_block, message, profile.data.legal_entity, reference)
        return [turned_down(message, block)] if isinstance(block, Problem) else some(block)
    if isinstance(message, MergeCustomer):
        return merge(state, profile, message, reference)
    if isinstance(message, credit.Decision):
        return decide_credit(state, profile, message, reference)
    return change(profile, message, reference)


def evolve(state: Customer, event: Said) -> Customer:
    if isinstance(event, CustomerRegistered):
        return replace(state, profile=Profile(data=data_of(event)))
    if isinstance(event, CustomerRefused | ForeignWriteRefused):
        return state
    if isinstance(event, master_data.Changed):
        return replace(state, profile=state.profile and master_data.evolve(state.profile, event))
    if isinstance(event, resolution.Event):
        return replace(state, known=resolution.evolve(state.known, event))
    if isinstance(event, merging.Event):
        return replace(state, kinship=merging.evolve(state.kinship, event))
    if isinstance(event, credit.Event):
        return replace(state, credit=credit.evolve(state.credit, event))
    return replace(state, dunning_block=event if isinstance(event, DunningBlocked) else None)


def wakes(state: Customer) -> datetime | None:
    """When a dunning block lifts by itself."""
    return state.dunning_block.lifts_at if state.dunning_block else None


def answer(
    state: Customer, question: Asked, reference: Reference
) -> CustomerValidation | CreditCheck | Resolution | Hierarchy:
    profile, survivor = state.profile, state.kinship.survivor
    match question:
        case ValidateCustomer():
            return validation(question, profile, state.known, state.kinship, state.credit, reference)
        case CheckCredit():
            return credit.check(state.credit, question, blocked=profile is None or survivor is not None)
        case ResolveCustomer():
            return resolved(question.key, profile, state.known, state.kinship, reference)
        case ShowHierarchy():
            return master_data.hierarchy_on(profile, question.key, question.on)
        case _:
            assert_never(question)


UNKNOWN = Problem(reason="UNKNOWN_CUSTOMER", detail="no customer is registered under this code")


def alias_of(survivor: str) -> Problem:
    return Problem(reason="CUSTOMER_MERGED", detail=f"this code is an alias now: turn to {survivor}")


def turned_down(message: Request, problem: Problem) -> CustomerRefused | MergeRefused:
    if isinstance(message, MergeCustomer):
        return merging.refuse(message, problem.reason, problem.detail)
    return refuse(message, problem)


def refuse(message: Request, problem: Problem) -> CustomerRefused:
    return CustomerRefused(
        customer_id=message.key, request=name_of(type(message)), reason=problem.reason, detail=problem.detail
    )


def some(said: M | None) -> list[M]:
    return [] if said is None else [said]


def register(state: Customer, message: RegisterCustomer, reference: Reference) -> Sequence[Said | Told]:
    """Registered by the system of record, and known from now on by its numbers and its name."""
    data, survivor = data_of(message), state.kinship.survivor
    if survivor is not None:
        return [refuse(message, alias_of(survivor))]
    if state.profile and state.profile.data == data:
        return []  # registered twice with the same data
    if state.profile:
        detail = "the customer is registered with other data: update it"
        return [refuse(message, Problem(reason="ALREADY_REGISTERED", detail=detail))]
    if state.known.requested:
        detail = "it is being found out whether the customer is known: decide on the match, or wait for the answer"
        return [refuse(message, Problem(reason="RESOLUTION_PENDING", detail=detail))]
    if problem := problem_of(data):
        return [refuse(message, problem)]
    writes = [Write(field="legal_name", proposed=data.legal_name)]
    rules = rules_for(reference, data.legal_entity)
    if foreign := refuse_foreign(message.key, RegisterCustomer, message.system, writes, rules):
        return [foreign]
    return [registered(message.key, data), *resolution.claims_of(message.key, data, answer=False)]


def resolve(state: Customer, message: ResolveOrCreate) -> Sequence[Said | Told]:
    requested = state.known.requested
    if requested and requested.proposed == message.proposed:
        return []  # asked already
    if requested or state.profile:
        detail = "the code is taken by other data: ask what it stands for, or propose another code"
        return [refuse(message, Problem(reason="ALREADY_REGISTERED", detail=detail))]
    if problem := problem_of(message.proposed):
        return [refuse(message, problem)]
    return resolution.request(message)


def decide_match(state: Customer, message: DecideMatch) -> Sequence[Said]:
    """A person's word on what a customer is suspected to be."""
    known, survivor = state.known, state.kinship.survivor
    if survivor is not None:
        return [] if survivor == message.same_as else [refuse(message, alias_of(survivor))]
    if not known.suspects:
        detail = "the customer is not suspected to be another one"
        return [refuse(message, Problem(reason="NOTHING_TO_DECIDE", detail=detail))]
    if message.same_as is not None and message.same_as not in [one.customer_id for one in known.suspects]:
        detail = f"same_as: {message.same_as} is not among those that it may be"
        return [refuse(message, Problem(reason="NOT_SUSPECTED", detail=detail))]
    if message.same_as is not None and state.profile:
        detail = f"same_as: the customer is registered: merge it into {message.same_as}"
        return [refuse(message, Problem(reason="ALREADY_REGISTERED", detail=detail))]
    if message.same_as is not None:
        same = CustomerResolved(customer_id=message.key, same_as=message.same_as, resolved_by=message.decided_by)
        return [same]
    dismissed = MatchDismissed(customer_id=message.key, suspects=known.suspects, decided_by=message.decided_by)
    if known.requested and state.profile is None:
        return [dismissed, registered(message.key, known.requested.proposed)]
    return [dismissed]


def merge(state: Customer, profile: Profile, message: MergeCustomer, reference: Reference) -> Sequence[Said | Told]:
    asked = merging.merge(state.kinship, message)
    if not isinstance(asked, MergeRequested):
        return some(asked)
    writes = [Write(field="merged", kept=message.merged, proposed=message.key)]
    rules = rules_for(reference, profile.data.legal_entity)
    if foreign := refuse_foreign(message.key, MergeCustomer, message.system, writes, rules):
        return [foreign]
    return [asked, GiveWay(survivor=message.key, decided_by=message.decided_by).to(message.merged)]


def change(profile: Profile, message: master_data.Request, reference: Reference) -> Sequence[Said | Told]:
    """A field is written by its owner only; what the customer is known by besides is made known."""
    event = master_data.changed(profile, message)
    if event is None:
        return []  # that is so already
    if isinstance(event, Problem):
        return [refuse(message, event)]
    system = None if isinstance(message, RecordTaxCheck) else message.system
    writes, rules = master_data.writes_of(profile, event), rules_for(reference, profile.data.legal_entity)
    if foreign := refuse_foreign(message.key, type(message), system, writes, rules):
        return [foreign]
    if isinstance(event, CustomerUpdated):
        return [event, *resolution.claims_after(message.key, profile.data, data_of(event))]
    if isinstance(event, TaxRegistrationRecorded):
        return [event, *resolution.claim_of(message.key, event.registration)]
    return [event]


def decide_credit(
    state: Customer, profile: Profile | None, message: credit.Decision, reference: Reference
) -> Sequence[Said | Told]:
    """A hold is told to every agreement that it stops, and its end to every one that may go on."""
    event = credit.decide(state.credit, message)
    if event is None:
        return []  # that is so already
    if isinstance(event, Problem):
        return [refuse(message, event)]
    home = profile.data.legal_entity if profile else None
    rules = rules_for(reference, message.legal_entity or home)
    writes = [credit.write_of(state.credit, event)]
    if foreign := refuse_foreign(message.key, type(message), message.system, writes, rules):
        return [foreign]
    if isinstance(event, CreditHoldPlaced | CreditHoldReleased):
        return [event, *credit.words(credit.evolve(state.credit, event), message.legal_entity)]
    return [event]


def reserve(state: Customer, message: ReserveCredit, reference: Reference) -> CreditReserved | CreditRefused | None:
    """New business: not under an alias, nor while the code is about to become one."""
    survivor = state.kinship.survivor
    if survivor is not None:
        detail = f"the customer is {survivor} now: offer it to {survivor}"
        return credit.refuse_credit(state.credit, message, "CUSTOMER_MERGED", detail)
    if state.profile is None:
        return credit.refuse_credit(state.credit, message, "UNKNOWN_CUSTOMER", UNKNOWN.detail)
    today = day_of(reference, message.legal_entity, message.at)
    return credit.reserve(state.credit, master_data.party_on(state.profile, message.key, today), message)


def passed_up(state: Customer, said: Sequence[Said | Told]) -> Sequence[TakeExposure]:
    """Work under an alias goes on; what is at stake with it counts with the survivor."""
    survivor = state.kinship.survivor
    changes = [item for item in said if isinstance(item, ExposureChanged | ExposureInherited)]
    if survivor is None or not changes:
        return []
    after = state.credit
    for event in changes:
        after = credit.evolve(after, event)
    exposure = after.exposure
    return [
        TakeExposure(merged=changes[0].customer_id, stakes=exposure.stakes(), revision=exposure.revision).to(survivor)
    ]
