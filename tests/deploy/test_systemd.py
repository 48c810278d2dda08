"""The systemd unit: valid, shut in, and not so much that the exporter could not work in it."""

import re
import subprocess
from pathlib import Path

from artefacts import static_binary
from programs import need, network, until
from renders import ROOT

UNIT = ROOT / "deploy/systemd/losant-exporter.service"
CONFIG = ROOT / "deploy/systemd/config.toml"

# systemd-analyze counts exposure in tenths: 20 is 2.0.
MOST_EXPOSED = 19


def settings(key: str) -> list[str]:
    """Every value of a setting of the unit."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    need("systemd-analyze")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    )


def in_a_root(folder: Path, unit: str) -> Path:
    """A folder that looks like a machine where the unit and the binary are installed."""
    binary = folder / "usr/bin/losant-exporter"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    placed = folder / "losant-exporter.service"
    placed.write_text(unit.replace("/usr/bin/losant-exporter", str(binary)))
    return placed


def test_systemd_understands_every_line(tmp_path):
    done = analyze("verify", in_a_root(tmp_path, UNIT.read_text()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_slip_in_the_unit_is_noticed(tmp_path):
    done = analyze("verify", in_a_root(tmp_path, UNIT.read_text().replace("ProtectHome", "ProtectHomes")))
    assert "ProtectHomes" in done.stderr


def test_exposure_is_below_two():
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT)
    print(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout


def test_the_token_stands_where_systemd_puts_it():
    (credential,) = settings("LoadCredential")
    name, source = credential.split(":")
    assert source.startswith("/etc/losant-exporter/")
    assert f'token_file = "/run/credentials/{UNIT.name}/{name}"' in CONFIG.read_text()
    assert f"--config.file=/etc/losant-exporter/{CONFIG.name}" in settings("ExecStart")[0]


def test_the_shipped_configuration_is_valid(tmp_path):
    token = tmp_path / "token"
    token.write_text("a-token")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.read_text().replace("/run/credentials/losant-exporter.service/token", str(token)))
    done = subprocess.run([static_binary(), "check", f"--config.file={config}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "The configuration is valid." in done.stdout


def calls_allowed() -> set[str]:
    """What SystemCallFilter leaves: systemd knows what its groups hold."""
    allowed: set[str] = set()
    for line in settings("SystemCallFilter"):
        names = set()
        for group in line.removeprefix("~").split():
            names |= calls_of(group)
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed | calls_of("@default")


def calls_of(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    listed = analyze("syscall-filter", name).stdout.splitlines()[1:]
    names = [line.strip() for line in listed]
    return {call for name in names if name and not name.startswith("#") for call in calls_of(name)}


def test_the_filter_of_system_calls_lets_all_through_that_a_life_takes(tmp_path):
    need("strace")
    trace = tmp_path / "trace"
    with network() as here:
        strace = ["strace", "--follow-forks", "--quiet=all", "--output", trace, "--seccomp-bpf"]
        exporter = here.start(*strace, static_binary(), "demo", log=tmp_path / "exporter.log")
        until(lambda: here.get("http://127.0.0.1:10066/-/ready"), "it is ready", exporter.said)
        assert here.get("http://127.0.0.1:10066/metrics", "--compressed")
        (pid,) = {line.split()[0] for line in trace.read_text().splitlines() if " execve(" in line}
        subprocess.run(["kill", pid], check=True)
        assert exporter.process.wait(20) == 0, exporter.said()
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)", trace.read_text(), re.MULTILINE))
    assert {"epoll_wait", "accept4", "execve"} <= made
    if missing := made - calls_allowed():
        raise AssertionError(f"the filter of the unit refuses {sorted(missing)}")
