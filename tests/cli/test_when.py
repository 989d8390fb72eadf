"""A moment is shown as it was given, and in UTC."""

from __future__ import annotations

import pytest

from leaver.cli.when import in_both, moment_of
from leaver.domain.errors import Unusable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2999-01-01T09:00+01:00", "Tue 01 Jan 2999, 09:00 (UTC+0100), 2999-01-01 08:00 UTC"),
        ("2999-01-01T09:00-05:30", "Tue 01 Jan 2999, 09:00 (UTC-0530), 2999-01-01 14:30 UTC"),
        ("2999-07-01T09:00Z", "Mon 01 Jul 2999, 09:00 (UTC+0000), 2999-07-01 09:00 UTC"),
        ("2099-07-01 09:00 Europe/Paris", "Wed 01 Jul 2099, 09:00 (Europe/Paris), 2099-07-01 07:00 UTC"),
    ],
)
def test_it_is_shown_in_the_zone_in_which_it_was_given(given: str, shown: str) -> None:
    moment, zone = moment_of(given)

    assert moment is not None
    assert in_both(moment, zone) == shown


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("2099-03-29T02:30 Europe/Amsterdam", "ambiguous_time"),
        ("2099-10-25T02:30 Europe/Amsterdam", "ambiguous_time"),
        ("9999-12-31T23:59-12:00", "malformed_time"),
        ("9999-12-31T23:59 Pacific/Niue", "malformed_time"),
        ("0001-01-01T00:00+14:00", "time_has_passed"),
    ],
)
def test_a_moment_that_is_none_is_refused(given: str, code: str) -> None:
    with pytest.raises(Unusable) as refused:
        moment_of(given)

    assert refused.value.code == code
