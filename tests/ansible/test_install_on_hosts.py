"""The tarball for one box, on booted Debians: from bare to a scanning box with nothing but it, again, newer, and refused.

Each test goes on where the one before has ended, as its owner does.
"""

import json
import shutil
import tarfile
from collections import Counter

import pytest
from booted_hosts import base_folder, booted_hosts, missing_for_booting
from dist_products import CACHE
from provisioning import ROOT, debian_packages, make_a_pi, pi_repository, ssh_options, wanted_packages
from releasing import redo_manifest

from cardscanner.shipped import shipped_database, shipped_model
from cardscanner_tools.cli import main
from cardscanner_tools.dist.box_tarball import write_box_tarball
from cardscanner_tools.release.bundle import About, find_source, self_test_of, write_release
from cardscanner_tools.release.index_command import write_index
from cardscanner_tools.release.secret_key import new_key, read_key, write_key

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]
FILM = "/var/local/film.mp4"
PROGRAMS = ("cardscanner-cp311-x86_64", "cardscanner-cp313-x86_64")
GET = 'import urllib.request as u; print(u.urlopen("http://localhost:8080/{}").read().decode())'


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """What `make dist` makes for this machine's processor, and its key."""
    folder = tmp_path_factory.mktemp("workshop")
    write_key(new_key(), folder / "release.key", None)
    (CACHE / "cache").mkdir(parents=True, exist_ok=True)
    (folder / "dist").mkdir()
    (folder / "dist" / "cache").symlink_to(CACHE / "cache")
    words = ["--machine", "x86_64", "--key", str(folder / "release.key")]
    assert main(["dist", "--out", str(folder / "dist"), *words]) == 0
    return folder


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def hosts(request, tmp_path_factory):
    """One bare Debian, with what it would find in the network's apt."""
    if missing := missing_for_booting():
        pytest.skip(f"booting hosts needs: {missing}")
    folder = tmp_path_factory.mktemp(request.param)
    base = base_folder(request.param)
    debian = debian_packages(request.param, base)
    own = debian_packages(request.param, base, ["ansible-core", "mosquitto-clients", *wanted_packages()])
    with booted_hosts(folder, {"box": base, "chip": base}) as hosts:
        pi = pi_repository(folder / "pi")
        for host in hosts.values():
            make_a_pi(hosts, host, debian, own, pi)
        bring(hosts, ROOT / "demo" / "film.mp4", FILM)
        yield hosts


@pytest.fixture(scope="module")
def unpacked(hosts, workshop):
    """The tarball on the box, unpacked."""
    (tarball,) = (workshop / "dist").glob("cardscanner-*-box.tar.gz")
    return unpack(hosts, tarball, "/root")


@pytest.fixture(scope="module")
def installed(hosts, unpacked):
    """What the first run said."""
    done = install(
        hosts, unpacked, "--non-interactive", "--device-id", "counter-1", "--camera", FILM, "--chip", "none"
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def bring(hosts, file, place, name="box"):
    address = hosts[name].address
    hosts.controller("scp", "-q", *ssh_options(hosts), file, f"root@{address}:{place}")


def unpack(hosts, tarball, folder, name="box"):
    bring(hosts, tarball, f"{folder}/{tarball.name}", name)
    hosts[name].run(f"tar -C {folder} -xzf {folder}/{tarball.name} && rm {folder}/{tarball.name}")
    return f"{folder}/{tarball.name.removesuffix('.tar.gz')}"


def install(hosts, folder, *options, user=None, name="box"):
    return hosts[name].run(f"cd / && {folder}/install.sh {' '.join(options)} 2>&1", check=False, user=user)


def get(hosts, path):
    return hosts["box"].run(f"python3 -c '{GET.format(path)}'").stdout


def recap(said):
    """What all playbooks of a run did together."""
    counts = Counter()
    for line in said.splitlines():
        if line.startswith("this_box ") and "ok=" in line:
            counts.update(
                {name: int(count) for name, count in (word.split("=") for word in line.split(":")[1].split())}
            )
    assert counts["ok"] > 50
    return counts


def in_use(hosts, kind):
    return hosts["box"].run(f"readlink /var/lib/cardscanner/releases/{kind}/current").stdout.strip()


def test_who_is_not_root_is_told_to_be(hosts, unpacked):
    hosts["box"].run("chmod 755 /root")
    refused = install(hosts, unpacked, "--non-interactive", user="nobody")
    hosts["box"].run("chmod 700 /root")
    assert refused.returncode == 1
    assert "this needs root" in refused.stdout


def test_a_damaged_tarball_is_refused_before_anything_of_it_runs(hosts, unpacked):
    box = hosts["box"]
    box.run(f"cp -a {unpacked} /root/damaged && printf x >> /root/damaged/ansible/roles/base/tasks/main.yml")
    box.run("rm /root/damaged/parts/checks.sh")
    refused = install(hosts, "/root/damaged", "--non-interactive")
    assert refused.returncode == 1
    assert "ansible/roles/base/tasks/main.yml: FAILED" in refused.stdout
    assert "parts/checks.sh" in refused.stdout
    assert "Copy the tarball to the box again" in refused.stdout
    assert box.run("test -e /usr/bin/ansible-playbook", check=False).returncode == 1


def test_a_tarball_for_another_processor_is_refused(hosts, workshop):
    site = workshop / "foreign"
    if not site.exists():
        shutil.copytree(workshop / "dist" / "site", site)
        for name in PROGRAMS:
            shutil.copytree(site / "program" / name, site / "program" / name.replace("x86_64", "aarch64"))
    foreign = site.with_name("foreign-box.tar.gz")
    write_foreign(workshop, site, foreign)
    refused = install(hosts, unpack(hosts, foreign, "/root"), "--non-interactive")
    assert refused.returncode == 1
    assert "on x86_64, only: cardscanner-cp311-aarch64" in refused.stdout


def write_foreign(workshop, site, place):
    """A tarball with programs for the Pi's processor only."""
    key = read_key(workshop / "release.key", None)
    for name in PROGRAMS:
        shutil.rmtree(site / "program" / name, ignore_errors=True)
        other = name.replace("x86_64", "aarch64")
        (version,) = (site / "program" / other).iterdir()
        for file in version.glob("release.json*"):
            file.unlink()
        house = shutil.copytree(version, place.with_name(other), dirs_exist_ok=True)
        shutil.rmtree(site / "program" / other)
        about = About(python=("3.11" if "cp311" in other else "3.13",), machine="aarch64")
        write_release(find_source(house, other, version.name), site, key, None, about)
    write_index(site, key)
    programs = [name.replace("x86_64", "aarch64") for name in PROGRAMS]
    write_box_tarball(ROOT / "ansible", site, programs, place, 1_700_000_000)


def test_a_chip_without_a_model_for_it_is_refused(hosts, unpacked):
    refused = install(hosts, unpacked, "--non-interactive", "--chip", "ai_hat")
    assert refused.returncode == 1
    assert "not compiled for the Hailo chip" in refused.stdout


def test_looking_first_changes_nothing(hosts, unpacked):
    looked = install(hosts, unpacked, "--check", "--camera", FILM)
    assert looked.returncode == 0, looked.stdout
    assert "would make it a card scanner" in looked.stdout
    gone = "! ls -d /etc/cardscanner /var/log/cardscanner-install.log /usr/bin/ansible-playbook 2>/dev/null"
    assert hosts["box"].run(gone, check=False).returncode == 0


def test_a_bare_debian_becomes_a_scanning_box(hosts, installed):
    assert json.loads(get(hosts, "health/ready"))["ready"]
    assert "http://box.local:8080 or http://10.77.0.11:8080" in installed
    code = hosts["box"].run("runuser -u cardscanner -- cardscanner account code").stdout
    assert len(code.strip()) >= 8
    password = hosts["box"].run("sed -n 's/^inventory //p' /etc/cardscanner/install/passwords").stdout.strip()
    scan = hosts["box"].run(
        "apt-get install -y -q mosquitto-clients >/dev/null 2>&1;"
        f" mosquitto_sub -h localhost -u inventory -P {password} -t cardscanner/counter-1/scan -C 1 -W 120"
    )
    assert json.loads(scan.stdout)["device"] == "counter-1" or "counter-1" in scan.stdout


def test_a_second_run_changes_nothing_and_needs_no_options(hosts, unpacked, installed):
    kept = "cd /etc/cardscanner && find . -type f -exec sha256sum {} + | sort"
    before = hosts["box"].run(kept).stdout
    again = install(hosts, unpacked)
    assert again.returncode == 0, again.stdout[-4000:]
    counts = recap(again.stdout)
    assert (counts["changed"], counts["failed"]) == (0, 0), again.stdout
    assert hosts["box"].run(kept).stdout == before
    looked = install(hosts, unpacked, "--check")
    assert (looked.returncode, recap(looked.stdout)["changed"]) == (0, 0), looked.stdout[-4000:]


def test_no_password_is_in_the_log_and_nobody_else_reads_it(hosts, installed):
    box = hosts["box"]
    for password in box.run("cut -d ' ' -f 2 /etc/cardscanner/install/passwords").stdout.split():
        assert (
            box.run(f"grep -c {password} /var/log/cardscanner-install.log", check=False).stdout.strip() == "0"
        )
    assert box.run(
        "stat -c %a /etc/cardscanner/install /etc/cardscanner/install/hosts.yml"
    ).stdout.split() == ["700", "600"]


def test_a_newer_tarball_updates_the_box(hosts, workshop, installed, tmp_path):
    newer = release_newer(workshop, "1.1.0")
    folder = unpack(hosts, newer, "/root")
    done = install(hosts, folder)
    assert done.returncode == 0, done.stdout[-6000:]
    assert in_use(hosts, "database") == "releases/1.1.0"
    assert json.loads(get(hosts, "health/ready"))["ready"]
    again = install(hosts, folder)
    assert recap(again.stdout)["changed"] == 0


def release_newer(workshop, version):
    """A tarball whose database is newer."""
    place = workshop / f"cardscanner-{version}-box.tar.gz"
    if place.exists():
        return place
    site = shutil.copytree(workshop / "dist" / "site", workshop / f"site-{version}")
    work = shutil.copytree(shipped_database(), workshop / f"db-{version}")
    redo_manifest(work, version=version)
    source, key = find_source(work), read_key(workshop / "release.key", None)
    write_release(source, site, key, self_test_of(source, shipped_model(), None, None), About())
    write_index(site, key)
    return write_box_tarball(ROOT / "ansible", site, PROGRAMS, place, 1_700_000_000)


def test_a_changed_choice_changes_the_box_and_the_rest_is_remembered(hosts, workshop, installed):
    newer = release_newer(workshop, "1.1.0").name.removesuffix(".tar.gz")
    done = install(hosts, f"/root/{newer}", "--game", "lorcana")
    assert done.returncode == 0, done.stdout[-4000:]
    config = hosts["box"].run("cat /etc/cardscanner/cardscanner.yaml").stdout
    assert "game: lorcana" in config
    assert f"path: {FILM}" in config


def test_the_tarball_holds_what_the_repository_has(workshop):
    (tarball,) = (workshop / "dist").glob("cardscanner-*-box.tar.gz")
    with tarfile.open(tarball) as tar:
        assert [member.name for member in tar if not member.isfile()] == []


def test_a_chip_wants_a_restart_first_and_the_scanner_comes_after_it(hosts, workshop):
    site = workshop / "with-hef"
    if not site.exists():
        shutil.copytree(workshop / "dist" / "site", site)
        next(site.glob("model/*/*")).joinpath("model.hef").touch()
    tarball = write_box_tarball(
        ROOT / "ansible", site, PROGRAMS, workshop / "with-hef-box.tar.gz", 1_700_000_000
    )
    folder, box = unpack(hosts, tarball, "/root", "chip"), hosts["chip"]
    first = install(hosts, folder, "--chip", "ai_kit", name="chip")
    assert first.returncode == 3, first.stdout[-4000:]
    assert "Restart the box for chip and camera: sudo reboot" in first.stdout
    assert box.run("head -1 /boot/firmware/config.txt").stdout == "dtparam=pciex1_gen=3\n"
    assert box.run("test -e /opt/cardscanner", check=False).returncode == 1
    too_soon = install(hosts, folder, name="chip")
    assert too_soon.returncode == 1
    assert "still waits for its restart" in too_soon.stdout
    box.restart()
    # Past the chip; an empty file is no model for it, which the scanner then says.
    after = install(hosts, folder, name="chip")
    assert "library, driver, firmware and binding agree" in after.stdout
    assert "TASK [cardscanner : Make the folders of the system]" in after.stdout
    assert after.returncode == 1
