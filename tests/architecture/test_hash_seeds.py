"""Bytes are the same in every process: Python shuffles its sets anew in each, and nobody may notice."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENCODE_ALL = """
from hashlib import sha256
from contracts import wire
from infra.documents import SAMPLES
told = sha256()
for name, message_type in sorted(wire.catalogue().items()):
    told.update(wire.encode(wire.decode(message_type, (SAMPLES / f"{name}.json").read_bytes())))
print(told.hexdigest())
"""
GENERATE_ALL = """
from hashlib import sha256
from infra.documents import generated
print(sha256(repr(sorted(generated().items())).encode()).hexdigest())
"""


def printed(program: str, seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_every_sample_is_encoded_the_same_under_two_hash_seeds() -> None:
    assert printed(ENCODE_ALL, 1) == printed(ENCODE_ALL, 2)


def test_every_document_is_generated_the_same_under_two_hash_seeds() -> None:
    assert printed(GENERATE_ALL, 1) == printed(GENERATE_ALL, 2)
