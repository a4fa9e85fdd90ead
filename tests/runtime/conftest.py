"""A playground for each test: toys on a fresh log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.log import Log
from tests.runtime.toys import glass
from tests.runtime.toys.playground import Playground


@pytest.fixture
def playground(nats_client: Client, tmp_path: Path) -> Playground:
    return Playground(Log(nats_client, 4), tmp_path)


@pytest.fixture(autouse=True)
def _rough_glass() -> Iterator[None]:
    """Glasses break in every test until it mends them."""
    glass.rough.clear()
    glass.rough.add("rough")
    yield
    glass.rough.clear()
