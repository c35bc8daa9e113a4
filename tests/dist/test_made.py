"""What `cardscanner-tools dist` makes: complete, the same each time, listed, signed, and of this machine only where it should be."""

import json
import shutil
import struct
import subprocess
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from dist_products import TARGETS, house_of, make_dist

from cardscanner.files import sha256_of
from cardscanner.update.minisign import check_signed, read_key_folder
from cardscanner.update.release import RELEASE, SIGNATURE, Index, Release
from cardscanner_tools.dist.annoy_wheel import newest_glibc
from cardscanner_tools.dist.wheels import check_complete, read_wheel

pytestmark = [pytest.mark.dist, pytest.mark.timeout(900)]
ELF_MACHINES = {"aarch64": 183, "x86_64": 62}


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_a_wheelhouse_is_complete_without_numpy_and_names_the_hash_of_each_file(signed, target):
    house = house_of(signed, target)
    wheels = [read_wheel(path) for path in house.glob("*.whl")]
    check_complete(wheels, target)
    assert {"annoy", "cardscanner", "onnxruntime", "opencv-python-headless"} <= {each.key for each in wheels}
    assert "numpy" not in {each.key for each in wheels}
    lines = (house / "requirements.txt").read_text().splitlines()
    assert sorted(lines) == sorted(
        f"{each.name}=={each.version} --hash=sha256:{each.sha256}" for each in wheels
    )
    assert (house / "constraints.txt").read_text() == f"numpy=={target.system.numpy}\n"
    assert (house / "models" / "DEFAULT_FINDER").is_file()


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_annoy_is_compiled_for_every_processor_of_the_kind(signed, target):
    (wheel,) = house_of(signed, target).glob("annoy-*.whl")
    assert wheel.name.endswith(f"-{target.tag}-{target.tag}-linux_{target.machine}.whl")
    with ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".so")]
        library = archive.read(name)
        assert any(each.endswith("/LICENSE") for each in archive.namelist())
    assert struct.unpack_from("<H", library, 18)[0] == ELF_MACHINES[target.machine]
    assert 0 < newest_glibc(library) <= target.system.glibc
    assert b"/tmp/" not in library


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_the_list_of_parts_keeps_to_its_schema_and_names_every_wheel(signed, target):
    house = house_of(signed, target)
    text = (house / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)
    listed = {each["name"]: each for each in [*parts["components"], parts["metadata"]["component"]]}
    for wheel in (read_wheel(path) for path in house.glob("*.whl")):
        assert listed[wheel.name]["version"] == wheel.version
        assert listed[wheel.name]["hashes"] == [{"alg": "SHA-256", "content": wheel.sha256}]
        assert listed[wheel.name]["licenses"]
    assert {"cardnet", "corners", "demo", "python3-numpy"} <= listed.keys()


def test_a_second_run_gives_the_same_bytes_with_annoy_compiled_again(signed, tmp_path):
    for kept in (signed / "cache").glob("wheels-*"):
        shutil.copytree(kept, tmp_path / "cache" / kept.name, ignore=shutil.ignore_patterns("annoy*"))
    for other in (signed / "cache").glob("headers-*"):
        shutil.copytree(other, tmp_path / "cache" / other.name, symlinks=True)
    again = make_dist(tmp_path)
    for target in TARGETS:
        before, after = ({path.relative_to(each): sha256_of(path) for path in each.rglob("*") if path.is_file()}
                         for each in (house_of(signed, target), house_of(again, target)))  # fmt: skip
        assert before == after


def test_without_a_key_it_says_that_nothing_is_signed_and_how_to_sign(tmp_path, capsys):
    make_dist(tmp_path, "--python", "3.11")
    said = capsys.readouterr().out
    assert "NOT signed" in said
    assert "release-key" in said
    assert not (tmp_path / "site").exists()
    assert not (tmp_path / "SHA256SUMS.minisig").exists()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_sums_index_and_releases_are_signed(signed):
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=signed, check=True)
    keys = signed / "keys"
    keys.mkdir(exist_ok=True)
    shutil.copy(signed / "site" / "release.pub", keys)
    index = Index.model_validate_json((signed / "site" / "index.json").read_bytes())
    programs = {each.name: each for each in index.releases if each.kind == "program"}
    assert programs.keys() == {f"cardscanner-{each.name}" for each in TARGETS}
    assert {"database", "model", "program"} == {each.kind for each in index.releases}
    documents = [signed / "SHA256SUMS", signed / "site" / "index.json"]
    documents += [signed / "site" / each.path / RELEASE for each in index.releases]
    for path in documents:
        signature = path.with_name(path.name + SIGNATURE).read_bytes()
        check_signed(path.read_bytes(), signature, read_key_folder(keys), path.name)
    for target in TARGETS:
        place = signed / "site" / programs[f"cardscanner-{target.name}"].path
        release = Release.model_validate_json((place / RELEASE).read_bytes())
        assert (release.python, release.machine) == ((target.system.python,), target.machine)


def test_a_damaged_file_in_the_cache_is_fetched_again(signed, tmp_path):
    target = TARGETS[0]
    for name in ("wheels", "headers"):
        for each in (signed / "cache").glob(f"{name}-{target.tag}-*"):
            shutil.copytree(each, tmp_path / "cache" / each.name, symlinks=True)
    kept = tmp_path / "cache" / f"wheels-{target.name}"
    for name in ("tqdm", "annoy"):
        (spoilt,) = kept.glob(f"{name}-*.whl")
        spoilt.write_bytes(spoilt.read_bytes()[:-100])
    again = make_dist(tmp_path, "--python", target.system.python)
    sums = [
        sorted(sha256_of(path) for path in house_of(each, target).glob("*.whl")) for each in (signed, again)
    ]
    assert sums[0] == sums[1]
