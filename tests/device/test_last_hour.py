"""How many in the last hour."""

from cardscanner.last_hour import LastHour


def test_what_is_older_than_an_hour_counts_no_more():
    counted = LastHour()
    for second in range(0, 7200, 30):
        counted.count(second)
    assert counted.total(7199) == 120
    assert counted.total(7199 + 1800) == 60
    assert counted.total(20_000) == 0
