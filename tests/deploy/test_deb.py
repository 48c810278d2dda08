"""The Debian package: that it installs, starts nothing by itself, and goes away again."""

import re
import subprocess
import tarfile
from pathlib import Path

from artefacts import deb
from programs import need
from renders import ROOT

# What lintian calls an error and is meant so here.
MEANT = {
    "no-changelog": "the project's is there, CHANGELOG.md; one in Debian's form is for packages in Debian",
}


def dpkg(*arguments: str | Path) -> str:
    need("dpkg-deb", "dpkg")
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def test_it_says_what_it_is_and_needs_nothing_but_certificates():
    fields = dict(line.split(": ", 1) for line in dpkg("dpkg-deb", "--field", deb()).splitlines() if line[:1].strip())
    assert fields["Package"] == "losant-exporter"
    assert fields["Depends"] == "ca-certificates"
    assert fields["Section"] == "net"


def test_it_brings_the_unit_the_configuration_the_rules_and_the_dashboards():
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb()], stdout=subprocess.PIPE) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            files = {member.name.removeprefix("."): member for member in tar if member.isfile()}
    assert files["/usr/bin/losant-exporter"].mode == 0o755
    unit = next(name for name in files if name.endswith("/losant-exporter.service"))
    assert unit in ("/lib/systemd/system/losant-exporter.service", "/usr/lib/systemd/system/losant-exporter.service")
    assert files["/etc/losant-exporter/config.toml"].mode == 0o644, "the service runs as nobody in particular and has to read it"
    for rules in (ROOT / "deploy/prometheus/rules").glob("*.yaml"):
        assert f"/usr/share/losant-exporter/rules/{rules.name}" in files
    for dashboard in (ROOT / "grafana/dashboards").glob("*.json"):
        assert f"/usr/share/losant-exporter/dashboards/{dashboard.name}" in files
    assert {(member.uid, member.gid) for member in files.values()} == {(0, 0)}


def test_what_an_admin_has_written_into_the_configuration_survives_an_upgrade(tmp_path):
    control = tmp_path / "control"
    dpkg("dpkg-deb", "--control", deb(), control)
    assert (control / "conffiles").read_text().split() == ["/etc/losant-exporter/config.toml"]


def test_installing_starts_nothing_and_upgrading_restarts_what_runs(tmp_path):
    control = tmp_path / "control"
    dpkg("dpkg-deb", "--control", deb(), control)
    after = (control / "postinst").read_text()
    # Enabled anew is only what an admin had enabled.
    assert "was-enabled losant-exporter.service" in after and "deb-systemd-invoke try-restart" in after
    assert "deb-systemd-invoke start" not in after
    assert "deb-systemd-invoke stop" in (control / "prerm").read_text()


def test_it_installs_and_is_purged_without_a_trace(tmp_path):
    """Into a folder with a database of its own; scripts of the package, which talk to systemd, are left out there."""
    root = tmp_path / "root"
    (root / "var/lib/dpkg/updates").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/status").touch()
    options = [f"--root={root}", "--force-not-root", "--force-script-chrootless", "--force-depends"]
    without_scripts = tmp_path / "package"
    dpkg("dpkg-deb", "--raw-extract", deb(), without_scripts)
    for script in ("postinst", "prerm", "postrm", "preinst"):
        (without_scripts / "DEBIAN" / script).unlink(missing_ok=True)
    dpkg("dpkg-deb", "--build", "--root-owner-group", "-Znone", without_scripts, tmp_path / "plain.deb")
    dpkg("dpkg", *options, "--install", tmp_path / "plain.deb")
    said = subprocess.run([root / "usr/bin/losant-exporter", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("losant-exporter ")
    dpkg("dpkg", *options, "--purge", "losant-exporter")
    assert not (root / "usr/bin/losant-exporter").exists()
    assert not (root / "etc/losant-exporter").exists()


def test_lintian_finds_no_error_but_what_is_meant_so():
    need("lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "none", deb()], capture_output=True, text=True)
    assert set(re.findall(r"^E: losant-exporter: (\S+)", done.stdout, re.MULTILINE)) == set(MEANT), done.stdout
