"""A problem: why something cannot be sold as asked, as a code to act on and a sentence to read."""

from contracts.message import Record


class Problem(Record):
    reason: str
    detail: str
