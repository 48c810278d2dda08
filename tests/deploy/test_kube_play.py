"""The demo overlay for real: podman runs what kubectl renders, with the image that is built here, and a real Prometheus scrapes it.

The manifests are given to podman as they are, but for the Secret, which becomes a ConfigMap: podman 4.3 does not decode what a Secret
holds. What podman leaves out: objects other than Deployment, ConfigMap and Secret; probes, which
its healthchecks run by systemd and with programs that an image from scratch does not have; and termination grace, which is given by hand.
Limits of open files and processes are set, since the ones that podman would set are refused on some machines.
"""

import base64
import json
import re
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from artefacts import image
from manifests import only, rendered
from programs import Network, Prometheus, need, network, until
from renders import ROOT, lack

OVERLAY = "demo"

CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""


class Podman:
    """podman with a store of its own, in a network of its own."""

    def __init__(self, here: Network, folder: Path) -> None:
        need("podman", "runc", "catatonit", "iptables")
        self._here = here
        (folder / "networks").mkdir()
        config = folder / "containers.conf"
        config.write_text(CONTAINERS_CONF.format(folder=folder))
        self._environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CONTAINERS_CONF": str(config), "HOME": str(folder)}
        self._command = ["podman", f"--root={folder}/store", f"--runroot={folder}/run", "--storage-driver=vfs"]

    def __call__(self, *arguments: str | Path) -> str:
        return self._here.run(*self._command, *arguments, env=self._environment)

    def can_run(self, *arguments: str) -> str | None:
        """What hinders it from running a container, if anything does."""
        command = self._here.inside(*self._command, "run", "--rm", "--network=none", *arguments)
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

    def logs(self, container: str) -> str:
        """What a container has said, on both streams."""
        command = self._here.inside(*self._command, "logs", container)
        return subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


class Scraper(threading.Thread):
    """Scrapes without a pause, and remembers how that went."""

    def __init__(self, here: Network, url: str) -> None:
        super().__init__(daemon=True)
        self._command = here.inside("curl", "--silent", "--show-error", "--max-time", "5", "--header", "Accept: application/openmetrics-text", url)
        self._enough = threading.Event()
        self.answers = 0
        self.refused = 0
        self.cut: list[str] = []

    def run(self) -> None:
        while not self._enough.is_set():
            done = subprocess.run(self._command, capture_output=True, text=True)
            if done.returncode == 0 and done.stdout.endswith("# EOF\n"):
                self.answers += 1
            # curl's words for a connection that nobody takes.
            elif done.returncode == 7:
                self.refused += 1
            else:
                self.cut.append(f"{done.returncode}: {done.stderr}{done.stdout[-80:]}")

    def end(self) -> None:
        self._enough.set()
        self.join()


def prometheus_config(folder: Path, target: str) -> Path:
    """The shipped configuration, for this target and every three seconds."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.example.yaml").read_text())
    config["global"] = {"scrape_interval": "3s", "evaluation_interval": "3s"}
    del config["alerting"]
    config["rule_files"] = [str(ROOT / "deploy/prometheus/rules/*.yaml")]
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def for_podman(manifests: str) -> str:
    """The manifests, with ConfigMaps in place of Secrets."""
    found = list(yaml.safe_load_all(manifests))
    for one in found:
        if one["kind"] == "Secret":
            one["kind"] = "ConfigMap"
            one["data"] = {key: base64.b64decode(value).decode() for key, value in one["data"].items()}
            del one["type"]
        elif one["kind"] == "Deployment":
            for volume in one["spec"]["template"]["spec"]["volumes"]:
                if secret := volume.pop("secret", None):
                    volume["configMap"] = {"name": secret.pop("secretName"), **secret}
    return yaml.safe_dump_all(found)


@pytest.fixture
def here():
    with network() as made:
        yield made


@pytest.fixture
def podman(here):
    # podman wants a short path here.
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        made = Podman(here, Path(folder))
        archive, _ = image()
        made("pull", "--quiet", f"oci-archive:{archive}")
        yield made
        made("pod", "rm", "--all", "--force", "--time=1")


def test_the_demo_runs_is_scraped_and_ends_in_time_without_a_cut_scrape(here, podman, tmp_path):
    name = only(OVERLAY, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
    if hindrance := podman.can_run(name, "--version"):
        lack(f"podman cannot run containers here: {hindrance}")
    manifest = tmp_path / "demo.yaml"
    manifest.write_text(for_podman(rendered(OVERLAY)))
    podman("kube", "play", manifest)
    running = json.loads(podman("ps", "--format=json"))
    exporter = next(one["Id"] for one in running if one["Names"][0].endswith("-exporter"))
    told = json.loads(podman("inspect", exporter))[0]
    assert told["Config"]["User"] == "65532:65532"
    assert told["HostConfig"]["ReadonlyRootfs"]
    infra = next(one["Id"] for one in running if one["IsInfra"])
    (attached,) = json.loads(podman("inspect", infra))[0]["NetworkSettings"]["Networks"].values()
    target = f"{attached['IPAddress']}:10066"

    def log() -> str:
        return podman.logs(exporter)

    until(lambda: here.get(f"http://{target}/-/ready"), "it is ready", log)
    prometheus = Prometheus(here, tmp_path, prometheus_config(tmp_path, target))
    prometheus.wait_for('up{job="losant-exporter"} == 1')
    prometheus.wait_for("losant_up == 1")
    for family in ("losant_instance_devices", "losant_org_payloads_today", "losant_sandbox_payloads_period"):
        assert prometheus.wait_for(f"{family} >= 0"), f"{family}:\n{log()}"
    prometheus.wait_for("losant_org:payloads_today:max >= 0")
    assert prometheus.value("losant_exporter_ready") == 1

    scraper = Scraper(here, f"http://{target}/metrics")
    scraper.start()
    until(lambda: scraper.answers > 10, "it is scraped at once")
    asked = time.time()
    podman("stop", "--time=30", exporter)
    until(lambda: scraper.refused > 10, "nobody listens any more")
    scraper.end()
    state = json.loads(podman("inspect", exporter))[0]["State"]
    # Nanoseconds are more than Python reads.
    ended = datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", r".\1", state["FinishedAt"]))
    took = ended.timestamp() - asked
    print(f"SIGTERM ended it in {took:.2f} s, between {scraper.answers} whole scrapes and none cut")
    assert (state["ExitCode"], scraper.cut) == (0, [])
    assert took < 5
    (scraped,) = prometheus.query('up{job="losant-exporter"}[5m]')
    failed = [float(moment) for moment, up in scraped["values"] if up != "1"]
    assert all(moment >= asked for moment in failed), "a scrape failed before the end"
