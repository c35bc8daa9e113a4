"""Which photographs may be learned from."""

from pathlib import Path

from cardscanner_tools.photos.parts import LICENSED, part_of


def test_a_collection_without_a_licence_only_measures():
    assert part_of(Path("a.jpg"), "somebody+something") == "other"
    assert part_of(Path("a.jpg"), "") == "other"
    assert part_of(Path("a.jpg"), "playing_card") == "other"


def test_the_part_hangs_on_the_name_of_the_file_alone():
    source = next(iter(LICENSED))
    for number in range(50):
        name = f"{number}.jpg"
        assert part_of(Path("here") / name, source) == part_of(Path("/there/and/elsewhere") / name, source)


def test_about_two_thirds_are_to_fit_and_the_rest_is_held_out():
    parts = [part_of(Path(f"photo_{number:04d}.jpg"), next(iter(LICENSED))) for number in range(900)]
    assert set(parts) == {"fit", "held-out"}
    assert 540 < parts.count("fit") < 660
