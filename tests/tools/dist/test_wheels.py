"""Whether wheels go together, by their own metadata, for the target and not for the Python that looks."""

import pytest
from dist_products import tiny_wheel

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import target_of
from cardscanner_tools.dist.wheels import check_complete

BOOKWORM, TRIXIE = target_of("3.11", "aarch64"), target_of("3.13", "aarch64")


def refusal(wheels, target=BOOKWORM):
    with pytest.raises(InputError) as refused:
        check_complete(wheels, target)
    return str(refused.value)


def test_wheels_that_need_each_other_and_the_systems_numpy_are_complete(tmp_path):
    check_complete(
        [
            tiny_wheel(tmp_path, "one", "1.0", "two_half>=2", "numpy>=1.20"),
            tiny_wheel(tmp_path, "Two-Half", "2.5"),
        ],
        BOOKWORM,
    )


def test_what_is_missing_or_too_old_is_named(tmp_path):
    wheels = [tiny_wheel(tmp_path, "one", "1.0", "two>=2", "three"), tiny_wheel(tmp_path, "two", "1.9")]
    said = refusal(wheels)
    assert "one 1.0 needs two>=2, here is 1.9" in said
    assert "one 1.0 needs three, here is none" in said


def test_a_wheel_for_a_newer_numpy_than_the_systems_is_refused(tmp_path):
    wheels = [tiny_wheel(tmp_path, "vision", "5.0", "numpy>=2")]
    assert "vision 5.0 needs numpy>=2, here is 1.24.2" in refusal(wheels)
    check_complete(wheels, TRIXIE)


def test_numpy_itself_is_refused(tmp_path):
    assert "numpy would hide the one of bookworm" in refusal([tiny_wheel(tmp_path, "numpy", "1.24.2")])


def test_conditions_are_read_for_the_target(tmp_path):
    wheels = [tiny_wheel(tmp_path, "one", "1.0", 'backport; python_version < "3.13"', 'x; extra == "more"')]
    assert "needs backport" in refusal(wheels)
    check_complete(wheels, TRIXIE)
    wheels = [tiny_wheel(tmp_path, "one", "2.0", 'two; platform_machine == "x86_64"')]
    check_complete(wheels, BOOKWORM)
    assert "needs two" in refusal(wheels, target_of("3.11", "x86_64"))


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp311-cp311-manylinux_2_28_aarch64", True),
        ("cp311-cp311-linux_aarch64", True),
        ("cp38-abi3-manylinux2014_aarch64", True),
        ("cp311-cp311-manylinux_2_28_x86_64", False),
        ("cp313-cp313-manylinux_2_28_aarch64", False),
        ("cp311-cp311-manylinux_2_39_aarch64", False),  # glibc 2.39 is newer than Bookworm's
        ("cp311-cp311-musllinux_1_2_aarch64", False),
    ],
)
def test_a_wheel_for_another_machine_python_or_c_library_is_refused(tmp_path, tag, fits):
    wheels = [tiny_wheel(tmp_path, "one", "1.0", tag=tag)]
    if fits:
        check_complete(wheels, BOOKWORM)
    else:
        assert "is for another machine or system" in refusal(wheels)


def test_a_wheel_for_a_newer_python_is_refused(tmp_path):
    assert "is for Python >=3.12" in refusal([tiny_wheel(tmp_path, "one", "1.0", Requires_Python=">=3.12")])
