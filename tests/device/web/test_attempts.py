from hypothesis import given
from hypothesis import strategies as st

from cardscanner.web.attempts import MOST_KEYS, STEPS, Attempts


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_one_a_second_five_a_minute_twenty_an_hour():
    clock = Clock()
    attempts = Attempts(clock)
    assert attempts.begin("a") == 0
    assert attempts.begin("a") == 1
    for _ in range(4):
        clock.now_s += 1
        assert attempts.begin("a") == 0
    clock.now_s += 1
    assert attempts.begin("a") == 55
    made = 5
    for _ in range(3):
        clock.now_s += 60
        for _ in range(5):
            clock.now_s += 1
            made += attempts.begin("a") == 0
    assert made == 20
    clock.now_s += 60
    assert attempts.begin("a") > 3000


def test_a_refused_attempt_does_not_make_the_wait_longer():
    clock = Clock()
    attempts = Attempts(clock)
    attempts.begin("a")
    assert [attempts.begin("a") for _ in range(50)] == [1] * 50
    clock.now_s += 1
    assert attempts.begin("a") == 0


def test_either_key_is_enough_to_wait():
    attempts = Attempts(Clock())
    attempts.begin("address 1", "name ann")
    assert attempts.begin("address 2", "name ann") == 1
    assert attempts.begin("address 1", "name bob") == 1
    assert attempts.begin("address 2", "name bob") == 0


def test_success_forgets_what_was_tried():
    attempts = Attempts(Clock())
    attempts.begin("a", "b")
    attempts.succeeded("a", "b")
    assert attempts.begin("a", "b") == 0


def test_the_memory_is_bounded():
    attempts = Attempts(Clock())
    for number in range(MOST_KEYS + 500):
        attempts.begin(f"address {number}")
    assert attempts.begin("address 0") == 0
    assert attempts.begin(f"address {MOST_KEYS + 499}") == 1


@given(st.lists(st.floats(0, 120), max_size=200))
def test_no_pace_gets_more_attempts_than_the_steps_allow(pauses):
    clock = Clock()
    attempts = Attempts(clock)
    made = []
    for pause in pauses:
        clock.now_s += pause
        if attempts.begin("a") == 0:
            made.append(clock.now_s)
    for span_s, most in STEPS:
        for begin in made:
            assert sum(begin <= each < begin + span_s for each in made) <= most
