"""Three shards with the environment that the StatefulSet gives its pods, seen through a real Prometheus.

What is different from a cluster: each pod listens on a loopback address of its own in place of all addresses, the token is a file of the
test, and Losant is simulated. Prometheus scrapes every three seconds and thinks every second.
"""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from artefacts import static_binary
from manifests import Pod, shards
from programs import Network, Program, Prometheus, network, until
from renders import ROOT

OVERLAY = "sharded"
ORGS, SANDBOXES = 30, 20
LEVELS = ("org", "sandbox")


def address(ordinal: int) -> str:
    return f"127.0.0.1{ordinal}:10066"


def simulate(here: Network, folder: Path) -> dict[str, str]:
    """Starts a simulated Losant; what its introduction tells to export."""
    losant = here.start(
        static_binary(), "simulate", f"--simulator.orgs={ORGS}", f"--simulator.sandboxes={SANDBOXES}", log=folder / "losant.log"
    )
    until(lambda: "Ctrl-C" in losant.said(), "Losant is simulated", losant.said)
    return {name: value.strip("'") for name, value in re.findall(r"export (\w+)=(.+)", losant.said())}


class Shard:
    """A pod of the StatefulSet, started as a process."""

    def __init__(self, here: Network, folder: Path, ordinal: int, losant: dict[str, str]) -> None:
        self.address = address(ordinal)
        pod = Pod(OVERLAY, ordinal)
        path, config = pod.config()
        assert config.count('":10066"') == 1 and config.count("/var/run/secrets/losant-exporter/token") == 1
        # Of its own: one that is written anew is empty for a moment, and another shard may just be reading it.
        token = folder / f"{pod.name}.token"
        token.write_text(losant["LOSANT_API_TOKEN"])
        mounted = folder / f"{pod.name}.toml"
        mounted.write_text(
            config.replace(":10066", self.address).replace("/var/run/secrets/losant-exporter/token", str(token))
        )
        environment = pod.environment() | {
            name: value for name, value in losant.items() if name.startswith("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__")
        }
        environment["LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND"] = "500"
        environment["LOSANT_EXPORTER__ACCOUNTS__DEFAULT__BURST"] = "500"
        arguments = [argument.replace(path, str(mounted)) for argument in pod.arguments]
        assert arguments != pod.arguments, "the pod reads another file"
        self.program: Program = here.start(static_binary(), *arguments, env=environment, log=folder / f"{pod.name}.log")


def prometheus_config(folder: Path, targets: list[str]) -> Path:
    """The shipped configuration with these targets, and patience for a test: rules wait for two seconds in place of minutes."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.example.yaml").read_text())
    config["global"] = {"scrape_interval": "3s", "evaluation_interval": "1s"}
    del config["alerting"]
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": targets}]
    rules = folder / "rules"
    rules.mkdir()
    # Those about the exporter; evaluating the others every second is work for nothing.
    for file in (ROOT / "deploy/prometheus/rules").glob("losant-[et]*.yaml"):
        (rules / file.name).write_text(re.sub(r"^( +for:) .+$", r"\1 2s", file.read_text(), flags=re.MULTILINE))
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def wait_for_a_quiet_moment() -> None:
    """Lets the turn of an hour pass: numbers of the hour that is over go then, and come back with the next poll."""
    left = 3600 - time.time() % 3600
    if left < 90:
        time.sleep(left + 1)


@pytest.fixture
def here():
    with network() as made:
        yield made


def test_three_shards_show_everybody_once_and_the_end_of_one_is_told(here, tmp_path):
    wait_for_a_quiet_moment()
    losant = simulate(here, tmp_path)
    number = shards(OVERLAY)
    assert number == 3
    running = [Shard(here, tmp_path, ordinal, losant) for ordinal in range(number)]
    for shard in running:
        until(lambda: here.get(f"http://{shard.address}/-/ready"), f"{shard.address} is ready", shard.program.said)
    prometheus = Prometheus(here, tmp_path, prometheus_config(tmp_path, [shard.address for shard in running]))
    prometheus.wait_for('count(up{job="losant-exporter"} == 1) == 3')
    prometheus.wait_for("losant_exporter:shards_seen:count == 3")
    assert prometheus.value("losant_exporter:shards:max") == 3

    truth = everybody(here, tmp_path, losant)
    assert len(truth["org"]) == ORGS
    shown = {}
    for level in LEVELS:
        info = f"losant_{level}_info"
        parts = {shard.address: set(prometheus.labels(f'{info}{{instance="{shard.address}"}}', f"{level}_id")) for shard in running}
        assert all(parts.values()), f"a shard shows no {level}"
        together = sorted(one for part in parts.values() for one in part)
        assert len(together) == len(set(together)), f"two shards show the same {level}"
        assert together == sorted(truth[level])
        shown[level] = parts
    assert prometheus.value("count(losant_up)") == 1, "the instance belongs to one shard"
    assert prometheus.value("count(losant_org_payloads_period) == count(count by (org_id, payload_type, source) (losant_org_payloads_period))")
    assert "LosantShardMissing" not in prometheus.alerts()

    # Not the shard that shows the instance, so that all that is left can be compared.
    (owner,) = prometheus.labels("losant_up", "instance")
    killed = next(shard for shard in running if shard.address != owner)
    left = [shard for shard in running if shard is not killed]
    others = f'instance!="{killed.address}"'
    before = usage(prometheus, others)
    killed.program.process.kill()
    killed.program.process.wait()
    until(lambda: "LosantShardMissing" in prometheus.alerts(), "the alert fires")
    (alert,) = prometheus.alerts()["LosantShardMissing"]
    assert alert["labels"]["severity"] == "critical" and alert["labels"]["job"] == "losant-exporter"
    assert "only 2 seen" in alert["annotations"]["summary"]

    assert prometheus.labels("up == 1", "instance") == sorted(shard.address for shard in left)
    for level, parts in shown.items():
        for shard in left:
            now = set(prometheus.labels(f'losant_{level}_info{{instance="{shard.address}"}}', f"{level}_id"))
            assert now == parts[shard.address], f"{shard.address} shows others than before"
        assert not prometheus.query(f'losant_{level}_info{{instance="{killed.address}"}}')
    assert usage(prometheus, others) == before
    assert prometheus.value("min(losant_up)") == 1


def usage(prometheus: Prometheus, others: str) -> set[str]:
    """Every usage series of those who match, without its number."""
    found = prometheus.query(f"{{__name__=~'losant_(instance|org|sandbox|application)_.+', {others}}}")
    assert len(found) > 1000
    return {json.dumps(series["metric"], sort_keys=True) for series in found}


def everybody(here: Network, folder: Path, losant: dict[str, str]) -> dict[str, set[str]]:
    """Who there is: ids by level, as one exporter without shards shows them."""
    done = subprocess.run(
        here.inside(static_binary(), "once"),
        env=losant | {"LOSANT_EXPORTER__ACCOUNTS__DEFAULT__REQUESTS_PER_SECOND": "500"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {level: set(re.findall(rf'^losant_{level}_info{{.*{level}_id="(\w+)"', done.stdout, re.MULTILINE)) for level in LEVELS}
