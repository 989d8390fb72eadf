"""The longest chain of requests of which each began only after the one before it had ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def longest_chain(calls: Sequence[Mapping[str, Any]], latency: Mapping[str, int]) -> tuple[int, float]:
    """Its number of requests, and the seconds that they take by their services' latency alone.

    Read from a run without budgets, where a request waits for nothing but what it needs to know.
    """
    sent = sorted((call for call in calls if not call["in_batch"]), key=lambda call: float(call["end"]))
    best: list[tuple[float, float, int]] = []  # (end, seconds, requests), seconds rising with end
    for call in sent:
        earlier = _before(best, float(call["start"]))
        seconds = earlier[0] + latency[call["service"]] / 1000
        requests = earlier[1] + 1
        if not best or seconds > best[-1][1]:
            best.append((float(call["end"]), seconds, requests))
    return (best[-1][2], best[-1][1]) if best else (0, 0.0)


def _before(best: Sequence[tuple[float, float, int]], start: float) -> tuple[float, int]:
    for end, seconds, requests in reversed(best):
        if end <= start:
            return seconds, requests
    return 0.0, 0
