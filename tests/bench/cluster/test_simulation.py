"""The simulation agrees with the known limits."""

import pytest

pytest.importorskip("simpy", reason="SimPy is not installed: pip install -e .[bench]")
from bench.cluster.simulation import REQUESTS, Costs, Setting, capacity, simulate

FREE = Costs(write=0.0, frame=0.0, finish=0.0, loop=0.0)


def test_gpus_without_a_bottleneck_render_at_capacity() -> None:
    outcome = simulate(Setting(4), FREE)
    assert outcome.images_per_hour == pytest.approx(capacity(4), rel=0.03)
    assert outcome.limit == "nothing"


@pytest.mark.parametrize(
    ("costs", "part"),
    [
        (Costs(write=0.6, frame=0.0, finish=0.0, loop=0.0), "the database"),
        (Costs(write=0.0, frame=2.0, finish=0.0, loop=0.0), "files"),
        (Costs(write=0.0, frame=0.0, finish=0.0, loop=0.5), "the event loops"),
    ],
)
def test_the_bottleneck_is_named_and_always_busy(costs: Costs, part: str) -> None:
    outcome = simulate(Setting(1), costs)
    assert outcome.limit == part
    assert outcome.images_per_hour < 0.9 * capacity(1)
    assert outcome.utilisation[part] == pytest.approx(1.0, abs=0.03)


def test_discords_limit_bounds_the_images() -> None:
    outcome = simulate(Setting(125), FREE)
    assert outcome.images_per_hour == pytest.approx(3600 * REQUESTS, rel=0.01)
    assert outcome.limit == "Discord"
    assert outcome.frames_shown == pytest.approx(0.0, abs=0.05)


def test_a_second_engine_writes_half_of_the_files() -> None:
    slow = Costs(write=0.0, frame=0.2, finish=0.0, loop=0.0)
    one, two = (simulate(Setting(1, engines=count, savers=1), slow) for count in (1, 2))
    assert two.images_per_hour == pytest.approx(2 * one.images_per_hour, rel=0.05)
