"""Boxes of both releases from bare Debian to a fleet that is updated, one of them failing on purpose, and taken back.

Each test goes on where the one before has ended, as an administrator does.
"""

import json
import tarfile

import pytest
from booted_hosts import base_folder, booted_hosts, missing_for_booting
from box_fleet import PASSWORD, Fleet, Releases, status_of
from provisioning import debian_packages, make_a_pi, pi_repository, program

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]
RELEASES = {"broker": "bookworm", "box1": "bookworm", "box2": "trixie", "box3": "bookworm"}
BOXES = ["box1", "box2", "box3"]
NOT_HERE = {"verify_not_demanded": ["clock"]}  # test hosts must not touch this machine's clock
READY = 'import urllib.request as u; print(u.urlopen("http://localhost:8080/health/ready").read().decode())'


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    if missing := missing_for_booting():
        pytest.skip(f"booting hosts needs: {missing}")
    folder = tmp_path_factory.mktemp("fleet")
    releases = Releases(folder / "releases")
    bases = {name: base_folder(name) for name in sorted(set(RELEASES.values()))}
    with booted_hosts(folder, {name: bases[release] for name, release in RELEASES.items()}) as hosts:
        for name, release in RELEASES.items():
            packages = debian_packages(release, bases[release])
            make_a_pi(hosts, hosts[name], packages, pi_repository(folder / f"pi-{name}"))
        yield Fleet(hosts, hosts["broker"], [hosts[name] for name in BOXES], releases)


@pytest.fixture(scope="module")
def provisioned(fleet):
    """The whole fleet, made in one run."""
    played = fleet.play("site")
    assert played.status == 0, played.text[-6000:]
    return played


def seen_by_mqtt(fleet):
    """What `cardscanner fleet` says of the boxes, from a machine beside them."""
    password = fleet.hosts.folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    done = fleet.hosts.controller(
        program("cardscanner"), "fleet", "--json", "--host", fleet.broker.address, "--username", "inventory",
        "--password-file", password, "--ca-file", fleet.authority.cert, *(f"--expect={name}" for name in BOXES),
    )  # fmt: skip
    return {each["device"]: each for each in json.loads(done.stdout)["rows"]}


def test_bare_debians_become_boxes_that_scan_and_say_so(fleet, provisioned):
    assert [provisioned.counts(name)["failed"] for name in RELEASES] == [0, 0, 0, 0]
    seen = seen_by_mqtt(fleet)
    assert sorted(seen) == BOXES
    assert {each["state"] for each in seen.values()} == {"ready"}
    assert fleet.in_use() == ["1.0.0"] * 3
    for box in fleet.boxes:
        assert box.run("systemctl is-active cardscanner").stdout == "active\n"
        assert json.loads(box.run(f"python3 -c '{READY}'").stdout)["ready"]


def test_a_second_run_changes_nothing_and_a_look_finds_nothing_to_change(fleet, provisioned):
    again = fleet.play("site")
    assert (again.status, again.changes()) == (0, [])
    looked = fleet.play("site", "--check", "--diff")
    assert (looked.status, looked.changes()) == (0, [])
    assert PASSWORD not in provisioned.text + again.text + looked.text


def test_every_part_of_every_box_is_verified(fleet, provisioned):
    played = fleet.play("verify", **NOT_HERE)
    assert played.status == 0, played.text[-4000:]
    assert played.changes() == []


def test_a_part_that_is_not_well_is_named(fleet, provisioned):
    box, password = fleet.boxes[1], "/etc/cardscanner/mqtt-password"
    box.run(f"mv {password} /root/kept && echo wrong > {password}")
    refused = fleet.play("verify", "--limit", box.name, **NOT_HERE)
    box.run(f"rm {password}")
    missing = fleet.play("verify", "--limit", box.name, **NOT_HERE)
    box.run(f"mv /root/kept {password}")
    assert (refused.status, missing.status) == (2, 2)
    assert "broker: " in refused.text
    assert "hands over is missing: broker-ca.pem, mqtt-password" in " ".join(missing.text.split())


def test_the_box_that_gets_a_bad_release_ends_on_the_old_one_and_the_others_on_the_new_one(
    fleet, provisioned
):
    bad = fleet.releases.another_site("bad")
    fleet.vary("box1", {"cardscanner_site": str(bad)})
    fleet.releases.database("1.1.0", bad, wrong=True)
    fleet.releases.database("1.1.0")
    played = fleet.play("update", cardscanner_serial="100%", cardscanner_max_fail_percentage=50)
    assert played.status != 0
    assert [played.counts(name)["failed"] for name in BOXES] == [1, 0, 0]
    assert fleet.in_use() == ["1.0.0", "1.1.0", "1.1.0"]
    assert "box1 is back on what it had" in " ".join(played.text.split())
    assert "self-test in use below its floor" in " ".join(played.text.split())
    change = status_of(fleet.boxes[0])["change"]
    assert (change["step"], status_of(fleet.boxes[1])["change"]["step"]) == ("rolled_back", "good")
    assert {name: each["state"] for name, each in seen_by_mqtt(fleet).items()} == dict.fromkeys(
        BOXES, "ready"
    )


def test_a_roll_out_stops_where_too_many_fail_and_the_rest_is_left_alone(fleet, provisioned):
    fleet.releases.database("1.2.0", fleet.releases.folder / "bad", wrong=True)
    fleet.releases.database("1.2.0")
    played = fleet.play("update", cardscanner_serial=1)
    assert played.status != 0
    assert fleet.in_use() == ["1.0.0", "1.1.0", "1.1.0"]
    assert [
        name for name in BOXES if any(line.startswith(f"{name} ") for line in played.text.splitlines())
    ] == ["box1"]


def test_a_good_release_mends_it_and_a_second_run_changes_nothing(fleet, provisioned):
    fleet.vary("box1", {})
    fleet.releases.database("1.3.0")
    played = fleet.play("update", cardscanner_serial="100%")
    assert played.status == 0, played.text[-4000:]
    assert fleet.in_use() == ["1.3.0"] * 3
    again = fleet.play("update", cardscanner_serial="100%")
    assert (again.status, again.changes()) == (0, [])


def test_the_fleet_goes_back_to_the_release_before(fleet, provisioned):
    played = fleet.play("rollback", cardscanner_serial="100%")
    assert played.status == 0, played.text[-4000:]
    assert fleet.in_use() == ["1.0.0", "1.1.0", "1.1.0"]


def test_a_newer_program_is_rolled_out_and_what_it_runs_on_stays(fleet, provisioned):
    fleet.releases.program("9.9.0")
    played = fleet.play("update", "--limit", "box2", cardscanner_update=["program"])
    assert played.status == 0, played.text[-4000:]
    box = fleet.boxes[1]
    assert fleet.in_use("program")[1] == "9.9.0"
    assert box.run("cardscanner --version").stdout.split()[-1] == "9.9.0"
    assert "/9.9.0/" in box.run("readlink -f /opt/cardscanner/venv").stdout
    assert seen_by_mqtt(fleet)["box2"]["program"] == "9.9.0"


def test_a_box_that_was_switched_off_is_named_and_comes_back_by_itself(fleet, provisioned):
    box = fleet.boxes[2]
    before = fleet.in_use()[2]
    box.cut_power()
    played = fleet.play("verify", "--limit", "box3", **NOT_HERE)
    assert played.counts("box3")["unreachable"] == 1
    box.start()
    again = fleet.play("verify", "--limit", "box3", **NOT_HERE)
    assert again.status == 0, again.text[-4000:]
    assert fleet.in_use()[2] == before


def test_what_cannot_be_made_again_is_fetched_while_the_boxes_scan(fleet, provisioned, tmp_path):
    played = fleet.play("backup", cardscanner_backups=str(tmp_path))
    assert played.status == 0, played.text[-4000:]
    for name in BOXES:
        (backup,) = (tmp_path / name).iterdir()
        with tarfile.open(backup) as archive:
            assert {"outbox.db", "history.db", "cardscanner.yaml"} <= set(archive.getnames())


def test_rolled_out_boxes_are_as_walled_in_as_the_unit_says(fleet, provisioned):
    for box in fleet.boxes:
        said = box.run("systemd-analyze security cardscanner.service --no-pager | tail -1").stdout
        assert float(said.split()[-3]) <= 2.0, said
