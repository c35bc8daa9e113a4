"""Compiler and runtime have to be a pair; what would be refused on the box is refused here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.errors import InputError
from cardscanner_tools.hef.versions import PAIRS, check_pair, runtime_for


@pytest.mark.parametrize(("compiler", "runtime"), [(f"{dfc}.0", f"{rt}.0") for dfc, rt in PAIRS.items()])
def test_every_known_pair_is_fine(compiler, runtime):
    assert check_pair(compiler, runtime) is None
    assert runtime.startswith(runtime_for(compiler))


def test_a_point_release_pairs_like_its_release():
    assert check_pair("3.33.1", "4.23") is None


def test_no_runtime_given_is_fine_for_a_known_compiler():
    assert check_pair("3.30.0", None) is None


def test_an_older_runtime_would_refuse_the_file_and_the_message_names_the_right_compiler():
    with pytest.raises(
        InputError, match=r"status 92.*compile with Dataflow Compiler 3\.30, or update HailoRT"
    ):
        check_pair("3.33.1", "4.20.0")


def test_a_newer_runtime_is_a_warning_that_names_the_right_compiler():
    warning = check_pair("3.30.0", "4.23.0")
    assert warning is not None
    assert "prefer Dataflow Compiler 3.33" in warning


def test_an_unknown_compiler_is_a_warning():
    assert "no table of ours" in str(check_pair("3.40.0", "4.25.0"))
    assert runtime_for("3.40.0") == "unknown"


def test_a_compiler_for_other_chips_is_refused():
    with pytest.raises(
        InputError, match=r"5\.1\.0 does not compile for Hailo-8 chips.*Dataflow Compiler 3\.32"
    ):
        check_pair("5.1.0", "4.22.0")


@given(st.text(max_size=8).filter(lambda text: not any(each.isdigit() for each in text)))
def test_what_is_no_version_is_said_to_be_none(text):
    with pytest.raises(InputError, match="is no version such as"):
        check_pair("3.33.1", text or "x")
