"""The queue is fair: nobody waits for more than one job of each other member."""

import pytest

from bench.load.fairness import (
    SECONDS,
    FirstComeFirstServed,
    Flood,
    Request,
    fairness_index,
    render,
    render_with_product_queue,
    report,
    shared_evenly,
    waiting_time,
)


@pytest.mark.parametrize("flood", [Flood(12, 1), Flood(24, 1), Flood(24, 3), Flood(12, 1, 4)])
async def test_one_request_waits_for_one_job_of_each_other_member(flood: Flood) -> None:
    requests = flood.with_one_request()
    ours = await render_with_product_queue(requests)
    assert sorted(each.request.member for each in ours) == sorted(each.member for each in requests)
    assert waiting_time(ours) <= flood.members * flood.images * SECONDS
    first_come = await render(FirstComeFirstServed(), requests)
    assert waiting_time(first_come) == flood.requests * flood.images * SECONDS - SECONDS / 2
    assert fairness_index(ours) > 0.85
    assert fairness_index(ours) > fairness_index(first_come)


async def test_serving_a_member_sooner_than_their_share_is_not_unfair() -> None:
    requests = Flood(3, 3).with_one_request()
    assert fairness_index(await render(FirstComeFirstServed(), requests)) == 1


async def test_a_member_alone_never_waits() -> None:
    ours = await render_with_product_queue(Flood(0, 1).with_one_request())
    assert (waiting_time(ours), fairness_index(ours)) == (0, 1)


def test_sharing_evenly_gives_all_waiting_members_the_same() -> None:
    requests = [Request(0, 1), Request(0, 1), Request(0, 2), Request(100, 3)]
    assert shared_evenly(requests) == {2: 2 * SECONDS, 1: 3 * SECONDS, 3: 100 + SECONDS}


async def test_the_table_has_a_line_for_each_flood() -> None:
    lines = (await report([Flood(0, 1), Flood(6, 3)])).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| 0 | 0 | 0 | 0 | 1.00 | 1.00 |")
