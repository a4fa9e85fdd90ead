"""The toy service as a process that may do itself harm: `faststream run tests.faults.toys:app`, HARM names what."""

import os

from shared.service import service
from tests.faults import harm
from tests.runtime.toys import alarm, counter, echo, glass, price, rate, reference
from tests.runtime.toys.messages import TYPES

if os.environ.get("MENDED"):
    glass.rough.clear()
harm.befall(os.environ.get("HARM", ""))

app = service("toys", alarm, counter, echo, glass, price, rate, reference=reference, types=TYPES)
