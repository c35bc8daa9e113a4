"""Translating HailoRT's errors: nothing of the vendor's gets past us."""

from __future__ import annotations

import sys

import pytest
from hailo_platform.pyhailort import _pyhailort, pyhailort
from hailo_platform.pyhailort.exceptions import exception_of
from hailo_platform.world import fresh_world
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.embed.hailo_binding import load_binding
from cardscanner.embed.hailo_faults import (
    ADVICE,
    CONFIGURE_FAULTS,
    PARSE_FAULTS,
    STATUS_OF_CLASS,
    opening,
    parsing,
    running,
    status_of,
    trouble_of,
    understand,
)
from cardscanner.errors import ArtifactError, EmbedderDead, EmbedderFailed, EmbedderTimeout


@pytest.fixture(autouse=True)
def world():
    with fresh_world() as machine:
        yield machine


def vendor_exceptions() -> list[type[Exception]]:
    """Every exception class that the vendor's modules define."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "hailo_platform"]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__.startswith("hailo_platform")
    }
    return sorted(found, key=lambda kind: (kind.__name__, kind.__module__))


@pytest.mark.parametrize("kind", vendor_exceptions(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_exception_of_the_vendor_gets_past_us(kind: type[Exception]):
    """A new class in a new HailoRT fails here until somebody decides what it means."""
    binding = load_binding()
    assert kind.__name__ in STATUS_OF_CLASS
    with pytest.raises((EmbedderFailed, EmbedderTimeout), match="7"), running(binding, "running"):
        raise kind("7")
    with pytest.raises(EmbedderDead, match="7"), opening(binding, "opening"):
        raise kind("7")


def test_the_walk_finds_all_families():
    names = {kind.__name__ for kind in vendor_exceptions()}
    assert {"HailoRTStatusException", "HailoRTCustomException", "HailoStatusInvalidValueException"} <= names
    assert len([kind for kind in vendor_exceptions() if kind.__name__ == "HailoRTException"]) == 2
    assert names == set(STATUS_OF_CLASS)


@pytest.mark.parametrize(
    "status", [2, 4, 6, 8, 13, 14, 15, 16, 18, 19, 21, 25, 26, 36, 48, 61, 62, 63, 69, 73, 74, 93]
)
def test_the_number_is_found_however_it_is_handed_over(status: int):
    """Raw, wrapped with a cause, and in a callback: there without a cause, so only class or text can tell."""
    raw = _pyhailort.HailoRTStatusException(str(status))
    wrapped = exception_of(status)
    assert status_of(raw) == status
    assert status_of(wrapped) == status
    caused = pyhailort.HailoRTException("something else")
    caused.__cause__ = raw
    assert status_of(caused) == status


def test_an_error_without_a_number_still_says_what_was_going_on():
    fault = understand(_pyhailort.HailoRTCustomException("Format order has no shape"), "reading x.hef")
    assert fault.status is None
    assert fault.text.startswith("reading x.hef: ")
    assert "Format order has no shape" in fault.text
    assert status_of(_pyhailort.HailoRTStatusException("what")) is None


@given(number=st.integers(-10, 200), doing=st.text("run a hef/.", max_size=20))
def test_any_number_becomes_a_sentence(number: int, doing: str):
    fault = understand(_pyhailort.HailoRTStatusException(str(number)), doing)
    assert fault.text.startswith(f"{doing}: ")
    assert str(number) in fault.text


@pytest.mark.parametrize("table", [ADVICE, PARSE_FAULTS, CONFIGURE_FAULTS])
def test_advice_is_words_for_people(table: dict[int, str]):
    for status, advice in table.items():
        assert 0 < status < 100
        assert len(advice) > 20


def test_only_the_faults_of_a_hef_are_blamed_on_it():
    binding = load_binding()
    for status in (8, 26, 91, 92):
        with pytest.raises(ArtifactError, match="reading"), parsing(binding, "reading"):
            raise _pyhailort.HailoRTStatusException(str(status))
    for status in (26, 93):
        with (
            pytest.raises(ArtifactError, match="another chip"),
            opening(binding, "configuring", CONFIGURE_FAULTS),
        ):
            raise _pyhailort.HailoRTStatusException(str(status))
    for status in (74, 76, 36):
        with pytest.raises(EmbedderDead), opening(binding, "configuring", CONFIGURE_FAULTS):
            raise _pyhailort.HailoRTStatusException(str(status))


def test_only_a_timeout_is_called_one():
    binding = load_binding()
    with pytest.raises(EmbedderTimeout, match="status 4"), running(binding, "running"):
        raise pyhailort.HailoRTTimeout("Received a timeout")
    with pytest.raises(EmbedderFailed, match="status 82"), running(binding, "running"):
        raise pyhailort.HailoRTException("libhailort failed with error: 82 (HAILO_QUEUE_IS_FULL)")


def test_what_is_no_fault_of_hailort_is_left_alone():
    with pytest.raises(ZeroDivisionError), running(load_binding(), "running"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (76, "mismatch"),
        (16, "mismatch"),
        (85, "mismatch"),
        (4, "hung"),
        (74, "absent"),
        (64, "absent"),
        (None, "absent"),
    ],
)
def test_each_status_says_what_kind_of_trouble_it_is(status, trouble):
    assert trouble_of(status) == trouble
