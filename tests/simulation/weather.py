"""How bad the network between the fleet and its log is."""

from random import Random

from msgspec import Struct


class Weather(Struct):
    """How bad the network is: chances per message or request, and how long things take, in seconds."""

    latency: float = 0.001
    slow: float = 0.0
    """Chance that something takes a hundred times as long."""
    lost_publish: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    lost_delivery: float = 0.0
    unavailable: float = 0.0
    wrong_refusal: float = 0.0
    """nats-server 2.15 refuses a good fence now and then."""


CALM = Weather()


def weather(random: Random) -> Weather:
    """Any weather, from calm to hardly bearable."""

    def some(*chances: float) -> float:
        return random.choice((0.0, *chances))

    return Weather(
        latency=random.choice((0.0001, 0.001, 0.02)),
        slow=some(0.01, 0.1),
        lost_publish=some(0.002),
        lost_request=some(0.01, 0.1),
        lost_answer=some(0.01, 0.2),
        lost_delivery=some(0.01, 0.05),
        unavailable=some(0.02, 0.2),
        wrong_refusal=some(0.05),
    )


__all__ = ["CALM", "Weather", "weather"]
