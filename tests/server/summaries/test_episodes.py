"""One slouch, two judges, one episode."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.summaries.episodes import Told, merge_episodes


def told(
    judge: str, start_s: float, end_s: float, reason: str = "recovered", *, peak: float = 20, mean: float = 15
) -> Told:
    return Told(int(start_s * 1000), int(end_s * 1000), peak, mean, reason, judge, 1, False)


def edges(episodes: list[Told]) -> list[tuple[float, float, str]]:
    return [(episode.start_ms / 1000, episode.end_ms / 1000, episode.judge) for episode in episodes]


def test_the_gateways_edges_count() -> None:
    merged = merge_episodes([told("clip", 12, 98), told("gateway", 10, 100)])
    assert edges(merged) == [(10, 100, "both")]


def test_what_only_one_saw_stands_by_itself() -> None:
    merged = merge_episodes([told("clip", 200, 260), told("gateway", 10, 100)])
    assert edges(merged) == [(10, 100, "gateway"), (200, 260, "clip")]


def test_an_episode_that_the_gateway_lost_sight_of_goes_on() -> None:
    merged = merge_episodes([told("gateway", 10, 60, "lost", mean=10), told("clip", 11, 110, mean=20)])
    assert edges(merged) == [(10, 110, "both")]
    assert merged[0].end_reason == "recovered"
    assert merged[0].mean_deg == 15


def test_an_end_that_the_gateway_lost_sight_of_is_the_clips() -> None:
    merged = merge_episodes([told("gateway", 10, 106, "lost"), told("clip", 11, 110)])
    assert edges(merged) == [(10, 110, "both")]


def test_an_episode_that_the_gateway_came_late_to_goes_back() -> None:
    merged = merge_episodes([told("gateway", 60, 100), told("clip", 10, 103)])
    assert edges(merged) == [(10, 100, "both")]


def test_a_beginning_that_the_gateway_did_not_watch_is_the_clips() -> None:
    both = [told("gateway", 14, 100), told("clip", 10, 103)]
    assert edges(merge_episodes(both)) == [(14, 100, "both")]
    assert edges(merge_episodes(both, lambda utc_ms: utc_ms >= 14_000)) == [(10, 100, "both")]
    later = [told("gateway", 14, 100), told("clip", 16, 103)]
    assert edges(merge_episodes(later, lambda utc_ms: utc_ms >= 14_000)) == [(14, 100, "both")]


def test_two_pieces_around_a_lost_link_become_one() -> None:
    merged = merge_episodes([told("gateway", 10, 40, "lost"), told("gateway", 70, 100, peak=30), told("clip", 9, 102)])
    assert edges(merged) == [(10, 100, "both")]
    assert merged[0].peak_deg == 30


def test_a_recovery_that_only_the_gateway_saw_keeps_two_apart() -> None:
    merged = merge_episodes([told("gateway", 10, 40), told("gateway", 45, 100), told("clip", 9, 102)])
    assert edges(merged) == [(10, 40, "both"), (45, 100, "both")]


def test_two_clips_in_one_slouch_are_one() -> None:
    assert edges(merge_episodes([told("gateway", 10, 40), told("gateway", 12, 41)])) == [(10, 41, "gateway")]


EPISODE = st.builds(
    lambda judge, start, length, reason: told(judge, start, start + length, reason),
    st.sampled_from(["gateway", "clip"]),
    st.integers(0, 300),
    st.integers(1, 60),
    st.sampled_from(["recovered", "lost", "moved"]),
)


@given(st.lists(EPISODE, max_size=12))
def test_merged_episodes_are_in_order_apart_and_cover_what_the_gateway_told(episodes: list[Told]) -> None:
    merged = merge_episodes(episodes)
    for left, right in pairwise(merged):
        assert left.end_ms <= right.start_ms
    for episode in merged:
        assert episode.start_ms < episode.end_ms
    covered = {second for one in merged for second in range(one.start_ms // 1000, one.end_ms // 1000)}
    by_gateway = {
        second
        for one in episodes
        if one.judge == "gateway"
        for second in range(one.start_ms // 1000, one.end_ms // 1000)
    }
    everyone = {second for one in episodes for second in range(one.start_ms // 1000, one.end_ms // 1000)}
    assert by_gateway <= covered
    assert covered <= everyone  # nothing is invented
    assert merge_episodes(list(reversed(episodes))) == merged
