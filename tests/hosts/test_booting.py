"""The test hosts themselves: what the other tests here may believe of them."""

import pytest
from booted_hosts import base_folder, booted_hosts, missing_for_booting

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=[("bookworm", "252"), ("trixie", "257")], ids=lambda param: param[0])
def two(request, tmp_path_factory):
    if missing := missing_for_booting():
        pytest.skip(f"booting hosts needs: {missing}")
    release, version = request.param
    base = base_folder(release)
    with booted_hosts(tmp_path_factory.mktemp(release), {"box1": base, "box2": base}) as hosts:
        yield hosts, version


def ssh(hosts, name, command):
    options = ["-i", hosts.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    return hosts.controller("ssh", *options, f"root@{hosts[name].address}", command, check=False)


def test_a_host_runs_its_own_systemd_without_a_failed_unit(two):
    hosts, version = two
    assert hosts["box1"].run("systemctl is-system-running --wait", check=False).stdout == "running\n"
    assert hosts["box1"].run("systemctl --version").stdout.startswith(f"systemd {version} ")


def test_hosts_are_reached_by_ssh_and_know_each_other(two):
    hosts, _ = two
    done = ssh(hosts, "box2", "hostname; getent hosts box1")
    assert done.stdout.split() == ["box2", hosts["box1"].address, "box1"]


def test_what_one_writes_neither_the_other_nor_the_base_sees(two):
    hosts, _ = two
    hosts["box1"].run("echo mine > /etc/mine")
    assert hosts["box2"].run("cat /etc/mine", check=False).returncode == 1
    assert not (hosts["box1"].base / "etc" / "mine").exists()


def test_a_host_can_change_neither_the_clock_nor_the_kernel_of_this_machine(two):
    hosts, _ = two
    for command in ("date -s now", "sysctl -w kernel.panic=0", "echo add > /sys/class/mem/null/uevent"):
        assert hosts["box1"].run(command, check=False).returncode != 0
        assert ssh(hosts, "box1", command).returncode != 0


def test_a_host_that_restarts_has_another_boot_id_and_the_same_disk(two):
    hosts, _ = two
    host = hosts["box2"]
    host.run("echo kept > /etc/kept")
    before = host.run("cat /proc/sys/kernel/random/boot_id").stdout
    host.restart()
    assert host.run("cat /proc/sys/kernel/random/boot_id").stdout != before
    assert host.run("cat /etc/kept").stdout == "kept\n"


def test_a_host_whose_power_was_cut_starts_again(two):
    hosts, _ = two
    host = hosts["box1"]
    host.cut_power()
    with pytest.raises(ProcessLookupError):
        host.run("true")
    host.start()
    assert host.run("hostname").stdout == "box1\n"
