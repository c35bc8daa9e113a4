"""The roles on booted Debians, over ssh, as an administrator runs them: what they do, and that doing it twice does nothing."""

import subprocess

import pytest
import yaml
from booted_hosts import base_folder, booted_hosts, missing_for_booting
from certificates import Authority
from provisioning import (
    ANSIBLE,
    debian_packages,
    give_packages,
    make_a_pi,
    pi_repository,
    play,
    program,
    ssh_options,
    write_play,
)

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]
ROLES = ("base", "hailo", "camera", "broker", "monitoring")
USERS = [
    {"name": "a1b2c3", "password": "words of a box"},
    {"name": "reader", "password": "words of one who looks"},
]
OLD, NEW = "4.20.0", "4.23.0"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def pis(request, tmp_path_factory):
    """Two fresh hosts with HailoRT 4.20 in apt; box2's driver is of another version."""
    if missing := missing_for_booting():
        pytest.skip(f"booting hosts needs: {missing}")
    folder = tmp_path_factory.mktemp(request.param)
    base = base_folder(request.param)
    debian = debian_packages(request.param, base)
    with booted_hosts(folder, {"box1": base, "box2": base}) as hosts:
        make_a_pi(hosts, hosts["box1"], debian, pi_repository(folder / "pi", OLD))
        make_a_pi(hosts, hosts["box2"], debian, pi_repository(folder / "pi-mixed", OLD, driver="4.19.0"))
        yield hosts


@pytest.fixture(scope="module")
def variables(pis):
    authority = Authority(pis.folder / "authority")
    issued = authority.issue("broker", address=pis["box1"].address)
    return {
        "hailo_board": "ai_kit",
        "base_ntp_servers": ["10.77.0.1"],
        "broker_tls_ca": authority.cert.read_text(),
        "broker_tls_certificate": issued.cert.read_text(),
        "broker_tls_key": issued.key.read_text(),
        "broker_users": USERS,
        "broker_scanners": ["a1b2c3"],
        "monitoring_scrape_file": str(pis.folder / "scrape.yml"),
    }


@pytest.fixture(scope="module")
def playbook(pis):
    return write_play(pis.folder, *ROLES)


@pytest.fixture(scope="module")
def first(pis, playbook, variables):
    """What the first run over box1 did."""
    boot = pis["box1"].run("cat /proc/sys/kernel/random/boot_id").stdout
    played = play(pis, playbook, "--limit", "box1", variables=variables)
    assert played.status == 0, played.text[-6000:]
    return played, boot


@pytest.fixture
def box(pis, first):
    return pis["box1"]


def says(host, command):
    return host.run(command, check=False).stdout


def test_a_fresh_host_becomes_a_box_and_restarts_for_its_chip(first, box):
    played, boot_id = first
    assert played.counts("box1")["failed"] == 0
    assert says(box, "cat /proc/sys/kernel/random/boot_id") != boot_id
    assert says(box, "systemctl is-system-running --wait") == "running\n"
    assert f"HailoRT {OLD}: library, driver, firmware and binding agree." in played.text
    assert "imx708" in played.text


def test_a_second_run_changes_nothing_and_a_look_finds_nothing_to_change(first, pis, playbook, variables):
    again = play(pis, playbook, "--limit", "box1", variables=variables)
    assert (again.status, again.changes()) == (0, [])
    looked = play(pis, playbook, "--limit", "box1", "--check", "--diff", variables=variables)
    assert (looked.status, looked.changes()) == (0, [])


def test_no_secret_is_seen_in_what_ansible_says(first, pis, playbook, variables):
    said = (
        first[0].text
        + play(pis, playbook, "--limit", "box1", "--check", "--diff", "-vvv", variables=variables).text
    )
    assert "PLAY RECAP" in said
    assert USERS[0]["password"] not in said
    assert "PRIVATE KEY-----" not in said


def test_the_services_run_after_the_restart(box):
    assert (
        says(box, "systemctl is-active chrony nftables mosquitto prometheus-node-exporter").split()
        == ["active"] * 4
    )


def test_hailort_is_held_and_unattended_upgrades_leaves_it_alone(box):
    held = set(says(box, "apt-mark showhold").split())
    assert held == {"hailo-all", "hailofw", "hailort", "hailo-dkms", "python3-hailort", "hailo-tappas-core"}
    told = says(box, "unattended-upgrade --dry-run --debug 2>&1")
    assert "'^hailo'" in told or '"^hailo"' in told or "^hailo" in told


def test_config_txt_keeps_its_sections_below_the_new_line(box):
    lines = says(box, "cat /boot/firmware/config.txt").splitlines()
    assert lines[0] == "dtparam=pciex1_gen=3"
    assert lines.count("camera_auto_detect=1") == 1
    assert lines.index("[cm5]") < lines.index("dtoverlay=dwc2,dr_mode=host")


def test_the_chip_belongs_to_the_cameras_group_and_the_watchdog_is_on(box):
    assert 'MODE="0660", GROUP="video"' in says(box, "cat /etc/udev/rules.d/61-cardscanner.rules")
    assert says(box, "systemctl show -p RuntimeWatchdogUSec") == "RuntimeWatchdogUSec=14s\n"


def test_who_has_a_key_logs_in_and_a_password_is_not_even_asked_for(pis, box):
    assert "passwordauthentication no" in says(box, "sshd -T")
    asked = pis.controller(
        "ssh", "-v", "-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes", *ssh_options(pis)[2:], f"root@{box.address}", "true",
        check=False,
    )  # fmt: skip
    assert "Permission denied (publickey)" in asked.stderr


def reaches(pis, address, port):
    probe = f"import socket; socket.create_connection(('{address}', {port}), 2)"
    return pis.controller(program("python"), "-c", probe, check=False).returncode == 0


def test_the_firewall_lets_in_what_is_offered_and_nothing_else(pis, box):
    box.run(
        "systemd-run --unit page python3 -m http.server 8080; systemd-run --unit other python3 -m http.server 8081"
    )
    box.run(
        "for n in 1 2 3 4 5 6 7 8 9; do ss -tln | grep -q :8080 && ss -tln | grep -q :8081 && exit; sleep 0.3; done"
    )
    assert {port: reaches(pis, box.address, port) for port in (22, 8080, 8081, 8883, 9100)} == {
        22: True, 8080: True, 8081: False, 8883: True, 9100: True,
    }  # fmt: skip
    box.run("systemctl stop page other")


def test_only_named_networks_reach_the_page_and_you_cannot_shut_yourself_out(pis, box, variables):
    base = write_play(pis.folder, "base")
    here = play(
        pis, base, "--limit", "box1", variables=variables | {"base_firewall_networks": ["192.0.2.0/24"]}
    )
    assert here.status == 0, here.text[-3000:]
    assert (reaches(pis, box.address, 8883), reaches(pis, box.address, 22)) == (False, True)
    out = play(
        pis, base, "--limit", "box1", variables=variables | {"base_firewall_ssh_networks": ["192.0.2.0/24"]}
    )
    assert out.status != 0
    assert (
        "You come from 10.77.0.1, which is in none of base_firewall_ssh_networks: 192.0.2.0/24"
        in " ".join(out.text.split())
    )
    assert play(pis, base, "--limit", "box1", variables=variables).status == 0
    assert reaches(pis, box.address, 8883)


def test_who_would_lose_their_login_stops_the_play(pis, box):
    box.run("id guest || useradd -m guest")
    base = write_play(pis.folder, "base")
    locked = {
        "base_ssh_admins": ["root", "guest"],
        "base_ssh_passwords": "forbidden",
        "base_ntp_servers": ["10.77.0.1"],
    }
    refused = play(pis, base, "--limit", "box1", variables=locked)
    assert refused.status != 0
    assert "guest has no key in authorized_keys on this box" in refused.text
    kept = play(pis, base, "--limit", "box1", variables=locked | {"base_ssh_passwords": "auto"})
    assert kept.status == 0
    assert "passwordauthentication yes" in says(box, "sshd -T")
    box.run("userdel -r guest")


TALK = """
import ssl, sys, threading
import paho.mqtt.client as mqtt
address, ca, user, password, topic, wanted = sys.argv[1:]
client, said, heard = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5), threading.Event(), []
client.tls_set(ca)
client.username_pw_set(user, password)
client.on_connect = lambda c, d, f, reason, p: (heard.append(str(reason)), reason == 0 and c.publish(topic, "words", 1) or said.set())
client.on_publish = lambda c, d, m, reason, p: (heard.append(str(reason)), said.set())
client.connect(address, 8883)
client.loop_start()
said.wait(10)
sys.exit(heard[-1] != wanted and f"{heard} instead of {wanted}")
"""


@pytest.mark.parametrize(
    ("password", "topic", "wanted"),
    [
        (USERS[0]["password"], "cardscanner/a1b2c3/scan", "No matching subscribers"),
        (USERS[0]["password"], "cardscanner/another/scan", "Not authorized"),
        (USERS[0]["password"], "homeassistant/device/cardscanner_a1b2c3/config", "No matching subscribers"),
        ("another password", "cardscanner/a1b2c3/scan", "Not authorized"),
    ],
)
def test_a_scanner_logs_in_over_tls_and_reaches_its_own_topics(pis, box, password, topic, wanted):
    words = (box.address, pis.folder / "authority" / "ca.pem", "a1b2c3", password, topic, wanted)
    done = pis.controller(program("python"), "-c", TALK, *words, check=False)
    assert done.returncode == 0, done.stderr


def test_a_password_that_changes_is_the_only_one_that_counts(pis, box, variables):
    broker = write_play(pis.folder, "broker")
    newer = [{"name": "a1b2c3", "password": "newer words"}]
    played = play(pis, broker, "--limit", "box1", variables=variables | {"broker_users": newer})
    assert played.status == 0
    assert played.changes() == ["broker : Set the passwords", "broker : Reload the broker"]
    words = (box.address, pis.folder / "authority" / "ca.pem", "a1b2c3")
    topic = "cardscanner/a1b2c3/scan"
    for password, wanted in (
        ("newer words", "No matching subscribers"),
        (USERS[0]["password"], "Not authorized"),
    ):
        done = pis.controller(program("python"), "-c", TALK, *words, password, topic, wanted, check=False)
        assert done.returncode == 0, done.stderr
    assert play(pis, broker, "--limit", "box1", variables=variables).status == 0


def settings(text):
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def test_rights_and_configuration_are_those_that_are_tested_with_the_scanner(box):
    source = ANSIBLE.parent / "systemd" / "mosquitto"
    assert says(box, "cat /etc/mosquitto/cardscanner.acl") == (source / "cardscanner.acl").read_text()
    assert settings(says(box, "cat /etc/mosquitto/conf.d/cardscanner.conf")) == settings(
        (source / "cardscanner.conf").read_text()
    )


def test_prometheus_is_told_where_boxes_and_machines_are(pis, box):
    told = yaml.safe_load((pis.folder / "scrape.yml").read_text())["scrape_configs"]
    assert {
        job["job_name"]: sorted(target for static in job["static_configs"] for target in static["targets"])
        for job in told
    } == {
        "cardscanner": [f"{host.address}:8080" for host in pis.values()],
        "cardscanner-machines": [f"{host.address}:9100" for host in pis.values()],
    }
    probe = f"import urllib.request; print(urllib.request.urlopen('http://{box.address}:9100/metrics').read().decode())"
    assert "node_memory_MemTotal_bytes" in pis.controller(program("python"), "-c", probe).stdout


def test_a_driver_of_another_version_stops_the_play_and_every_part_is_named(pis):
    mixed = play(pis, write_play(pis.folder, "hailo"), "--limit", "box2")
    assert mixed.status != 0
    told = " ".join(mixed.text.split())
    assert (
        f"library (hailort) {OLD}, driver (hailo-dkms) 4.19.0, firmware (hailofw) none, binding (python3-hailort) {OLD}"
        in told
    )
    assert "Driver version (4.19.0) is different from library version (4.20.0)" in told
    assert "Set hailo_version to one that" in told


def test_naming_a_version_mends_it_though_everything_is_held(pis, tmp_path):
    box = pis["box2"]
    give_packages(pis, box, debian_packages_of(box), pi_repository(tmp_path / "pi-newer", OLD, NEW))
    hailo = write_play(pis.folder, "hailo")
    newer = play(pis, hailo, "--limit", "box2", variables={"hailo_version": NEW})
    assert newer.status == 0, newer.text[-4000:]
    assert f"HailoRT {NEW}: library, driver, firmware and binding agree." in newer.text
    assert "hailort" in says(box, "apt-mark showhold")
    assert play(pis, hailo, "--limit", "box2", variables={"hailo_version": NEW}).changes() == []
    older = play(pis, hailo, "--limit", "box2", variables={"hailo_version": OLD})
    assert f"HailoRT {OLD}: library, driver, firmware and binding agree." in older.text


def debian_packages_of(box):
    return debian_packages(box.base.name, box.base)


def test_a_silent_chip_and_a_missing_camera_are_named(pis):
    box = pis["box2"]
    box.run("touch /run/no-hailo-chip /run/no-camera")
    silent = play(pis, write_play(pis.folder, "hailo"), "--limit", "box2", variables={"hailo_version": OLD})
    assert silent.status != 0
    assert "The chip does not answer" in " ".join(silent.text.split())
    blind = play(pis, write_play(pis.folder, "camera"), "--limit", "box2")
    assert blind.status != 0
    assert "libcamera finds no camera. Switch the box off" in " ".join(blind.text.split())
    assert (
        play(
            pis, write_play(pis.folder, "camera"), "--limit", "box2", variables={"camera_required": False}
        ).status
        == 0
    )


def test_the_broker_refuses_to_be_half_encrypted(pis):
    refused = play(
        pis,
        write_play(pis.folder, "broker"),
        "--limit",
        "box2",
        variables={"broker_tls_ca": "no certificate"},
    )
    assert refused.status != 0
    assert "broker_tls needs broker_tls_ca, broker_tls_certificate and broker_tls_key" in " ".join(
        refused.text.split()
    )


def test_a_firewall_that_is_switched_off_is_gone(pis, variables):
    base = write_play(pis.folder, "base")
    assert play(pis, base, "--limit", "box1", variables=variables | {"base_firewall": False}).status == 0
    assert "cardscanner" not in says(pis["box1"], "nft list tables")
    assert play(pis, base, "--limit", "box1", variables=variables).status == 0
    assert "table inet cardscanner" in says(pis["box1"], "nft list tables")


def test_debians_own_ansible_runs_the_roles_on_the_box_itself(pis, tmp_path):
    """As install.sh does. Over a local connection nothing restarts the machine under Ansible's feet."""
    box = pis["box2"]
    box.run("rm -f /run/no-hailo-chip /run/no-camera")
    own = debian_packages(box.base.name, box.base, ["ansible-core"])
    give_packages(pis, box, debian_packages_of(box), own, pi_repository(tmp_path / "pi", OLD, NEW))
    box.run("apt-get install -y -q --no-install-recommends ansible-core")
    box.run(
        "apt-get purge -y -q --allow-change-held-packages hailo-all hailofw hailort hailo-dkms python3-hailort"
    )
    subprocess.run(["tar", "-C", ANSIBLE, "-chf", tmp_path / "roles.tar", "roles"], check=True)
    play_file = write_play(tmp_path, "base", "hailo", "camera", "monitoring")
    pis.controller(
        "scp", "-q", *ssh_options(pis), tmp_path / "roles.tar", play_file, f"root@{box.address}:/root/"
    )
    run = f"cd /root && tar xf roles.tar && ansible-playbook -i here.yml -c local -e ansible_python_interpreter=/usr/bin/python3 {play_file.name}"
    box.run("printf 'boxes: {hosts: {here: {}}}\\n' > /root/here.yml")
    once = box.run(f"export LC_ALL=C.UTF-8; {run}", check=False)
    assert once.returncode == 0, once.stdout[-4000:] + once.stderr[-2000:]
    assert "Restart the box and run this again" in once.stdout
    assert "agree" not in once.stdout
    box.restart()
    again = box.run(f"export LC_ALL=C.UTF-8; {run}", check=False)
    assert "library, driver, firmware and binding agree." in again.stdout
    assert "changed=0" in again.stdout
