"""How often somebody may ask."""

from __future__ import annotations

import pytest

from leaver.access.limits import Limiter, Limits
from leaver.access.roles import Person, Role
from leaver.domain.errors import TooMany


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_so_many_at_once_and_then_as_they_come_back(clock: Clock) -> None:
    limiter = Limiter(3, 60, clock=clock)

    at_once = [limiter.take("a") for _ in range(4)]
    clock.now += 20
    later = [limiter.take("a"), limiter.take("a")]

    assert at_once == [0, 0, 0, pytest.approx(20)]
    assert later == [0, pytest.approx(20)]


def test_never_more_than_so_many_within_the_window(clock: Clock) -> None:
    limiter = Limiter(10, 60, clock=clock)
    passed = []

    for _ in range(600):
        clock.now += 0.5
        if limiter.take("a") == 0:
            passed.append(clock.now)

    worst = max(sum(begin <= each < begin + 60 for each in passed) for begin in passed)
    assert 10 <= worst <= 20  # a full bucket, and what comes back meanwhile
    assert 50 <= len(passed) <= 60


def test_waiting_as_long_as_it_says_is_enough_and_asking_meanwhile_costs_nothing(clock: Clock) -> None:
    limiter = Limiter(2, 60, clock=clock)
    for _ in range(2):
        limiter.take("a")
    wait = limiter.take("a")
    for _ in range(50):
        limiter.take("a")
    clock.now += wait

    assert limiter.take("a") == 0


def test_each_key_has_a_limit_of_its_own_and_memory_has_an_end(clock: Clock) -> None:
    limiter = Limiter(1, 60, kept=100, clock=clock)

    assert all(limiter.take(str(number)) == 0 for number in range(1000))
    assert limiter.take("999") > 0
    assert limiter.take("0") == 0  # long forgotten


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
    ],
)
def test_an_address_is_one_and_of_ipv6_a_network(clock: Clock, one: str, other: str, same: bool) -> None:
    both = Limits(Limiter(1, 60, clock=clock), Limiter(1, 60, clock=clock))
    both.sign_in(one)

    if same:
        with pytest.raises(TooMany) as caught:
            both.sign_in(other)
        assert caught.value.wait == 60
        assert caught.value.advice == "Try again in 60 seconds."
    else:
        both.sign_in(other)


def test_callers_do_not_pay_for_each_other(clock: Clock) -> None:
    both = Limits(Limiter(1, 60, clock=clock), Limiter(1, 60, clock=clock))
    both.write(Person("ann", Role.OPERATOR, via="api"))
    both.write(Person("ann", Role.OPERATOR, via="portal"))
    both.write(Person("bob", Role.OPERATOR, via="api"))

    with pytest.raises(TooMany, match="ann"):
        both.write(Person("ann", Role.OPERATOR, via="api"))
