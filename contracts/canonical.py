"""What is signed or issued is known by its hash: SHA-256 over canonical JSON (RFC 8785), so anyone can check it."""

from hashlib import sha256

import msgspec
import rfc8785

from contracts.message import Message, Record


def content_hash(document: Record | Message) -> str:
    """SHA-256, in hexadecimal, of `document` as canonical JSON: its fields as they stand on the log, none left out."""
    return sha256(rfc8785.dumps(msgspec.to_builtins(document))).hexdigest()
