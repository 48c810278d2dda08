"""The demo of compose.yaml: that it holds together, and that its commands and files work on real servers.

Images of Prometheus, Alertmanager and Grafana cannot be fetched by everybody who runs this. So the servers of this machine run
here, with the commands of compose.yaml and the files that it mounts, in one network as there. Grafana is left out: what it is given is read.
"""

import json
import tomllib
from pathlib import Path

import yaml

from artefacts import static_binary
from programs import Network, need, network, until
from renders import ROOT

FOLDER = ROOT / "deploy/compose"
SERVICES = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def mounts(service: str) -> dict[str, Path]:
    """What a service finds where, all of it read-only."""
    found = {}
    for mount in SERVICES[service].get("volumes", []):
        source, target, mode = mount.split(":")
        assert mode == "ro", mount
        found[target] = (FOLDER / source).resolve()
    return found


def command(service: str, folder: Path) -> list[str]:
    """The command of a service, with its paths moved into a folder where its mounts have been laid out."""
    for target, source in mounts(service).items():
        place = folder / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(source)
    arguments = []
    for argument in SERVICES[service]["command"]:
        flag, equals, value = argument.partition("=")
        arguments.append(f"{flag}={folder}{value}" if value.startswith("/") else flag + equals + value)
    return arguments


def test_what_is_mounted_is_there_and_belongs_to_the_repository():
    for service in SERVICES:
        for target, source in mounts(service).items():
            assert source.exists(), f"{service}: {source} for {target}"
            assert source.is_relative_to(ROOT)


def test_images_are_pinned_and_the_exporters_is_that_of_this_version():
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    assert SERVICES["exporter"]["image"] == f"ghcr.io/losant-exporter/losant-exporter:{version}"
    build = SERVICES["exporter"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).exists()
    for service, settings in SERVICES.items():
        tag = settings["image"].rpartition(":")[2]
        assert tag[-1].isdigit() and tag.count(".") == 2, f"{service}: {settings['image']}"


def test_all_share_the_network_of_the_exporter_which_publishes_on_loopback_alone():
    for service, settings in SERVICES.items():
        if service != "exporter":
            assert settings["network_mode"] == "service:exporter", service
            assert "ports" not in settings, service
    ports = [port.split(":") for port in SERVICES["exporter"]["ports"]]
    assert ports == [["127.0.0.1", port, port] for port in ("3000", "9090", "9093", "10066")]


def test_grafana_finds_dashboards_where_its_provisioning_says():
    found = mounts("grafana")
    provider = yaml.safe_load((found["/etc/grafana/provisioning/dashboards"] / "losant.yaml").read_text())
    folder = found[provider["providers"][0]["options"]["path"]]
    titles = [json.loads(file.read_text())["title"] for file in folder.glob("*.json")]
    assert "Losant / Overview" in titles
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (found[str(home.parent)] / home.name).exists()
    source = yaml.safe_load((found["/etc/grafana/provisioning/datasources"] / "losant.yaml").read_text())
    assert source["datasources"][0]["url"] == "http://localhost:9090"


def start(demo: Network, folder: Path) -> None:
    need("prometheus", "prometheus-alertmanager")
    exporter = SERVICES["exporter"]["command"]
    demo.start(static_binary(), *exporter, log=folder / "exporter.log")
    demo.start("prometheus-alertmanager", *command("alertmanager", folder), log=folder / "alertmanager.log")
    arguments = command("prometheus", folder)
    config = folder / "etc/prometheus/prometheus.yml"
    # Nobody waits for minutes here.
    quick = config.read_text().replace("1m", "1s")
    config.unlink()
    config.write_text(quick)
    demo.start("prometheus", *arguments, log=folder / "prometheus.log")


def test_prometheus_shows_usage_has_the_rules_and_knows_alertmanager(tmp_path):
    with network() as demo:
        start(demo, tmp_path)

        def result(expression: str) -> list:
            url = "http://localhost:9090/api/v1/query"
            body = demo.get(url, "--get", "--data-urlencode", f"query={expression}")
            return json.loads(body)["data"]["result"] if body else []

        until(lambda: result('up{job="losant-exporter"} == 1'), "the exporter is scraped")
        until(lambda: result("losant_org_payloads_today > 0"), "usage is there")
        until(lambda: result("losant_org:payloads_today:max > 0"), "rules are evaluated")
        known = json.loads(demo.get("http://localhost:9090/api/v1/alertmanagers") or "{}")
        active = [alertmanager["url"] for alertmanager in known["data"]["activeAlertmanagers"]]
        assert active == ["http://localhost:9093/api/v2/alerts"]
        assert demo.get("http://localhost:9093/-/ready") is not None
        assert demo.get("http://localhost:10066/-/ready") is not None
