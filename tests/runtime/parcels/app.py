"""The parcels service as `faststream run` starts it."""

from shared.service import service
from tests.runtime.parcels import carrier, parcel
from tests.runtime.parcels.messages import TYPES

app = service("parcels", parcel, effects=(carrier,), types=TYPES)
