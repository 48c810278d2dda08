"""The chart's values: what is refused, what they turn into, and that the exporter takes the configuration."""

import re
import tomllib

import pytest
import yaml
from artefacts import static_binary
from renders import CHART, HELMS, Render, chart, chart_command, charts, each_render, kustomizations
from renders import of_kind, parsed, run, tool, values, workloads


def config_text(objects: list[dict]) -> str:
    (text,) = [it["data"]["config.toml"] for it in of_kind(objects, "ConfigMap") if "config.toml" in it["data"]]
    return text


def with_values(text: str, *more: str) -> list[dict]:
    return parsed(chart(["--values", values(text), *more]))


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shard: 3", "shard"),
        ("shards: 0", "shards"),
        ("serviceMonitor: {enable: true}", "enable"),
        ("serviceMonitor: {interval: 30}", "interval"),
        ("serviceMonitor: {interval: 30 s}", "interval"),
        ("prometheusRule: {alerts: {LosantOrgSilnt: {enabled: false}}}", "LosantOrgSilent"),
        ("prometheusRule: {alerts: {LosantOrgSilent: {enable: false}}}", "enable"),
        ("prometheusRule: {thresholds: {payload_spike_ratio: 6}}", "payload_spike_ratio"),
        ("prometheusRule: {thresholds: {payloads_spike_ratio: six}}", "payloads_spike_ratio"),
        ("prometheusRule: {dashboardUrl: grafana.example.org}", "dashboardUrl"),
        ("existingSecret: {secret: losant}", "secret"),
        ("image: {digest: 0123}", "digest"),
        ("podLabels: {tier: 1}", "tier"),
        ("config: {web: {listen_addresses: []}}", "listen_addresses"),
        ("podDisruptionBudget: {maxUnavailable: 0}", "maxUnavailable"),
        ("config: {sharding: {shards: 3}}", "config.sharding: set `shards` instead"),
        ("{shards: 3, replicaCount: 2}", "replicaCount: with several shards each has one replica"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: str, text: str, said: str) -> None:
    done = run(*chart_command(["--values", values(text)], helm))
    assert done.returncode != 0, done.stdout
    assert said in done.stderr


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    # Helm itself hands that one to charts that are part of another.
    assert set(schema["properties"]) - {"global"} == set(defaults)
    for name, value in defaults.items():
        inner = schema["properties"][name]
        if inner.get("additionalProperties") is False:
            assert set(inner["properties"]) - {"claims"} == set(value), name


def test_the_values_of_one_file_change_every_value() -> None:
    """What `ci/everything-values.yaml` leaves out would not be tried at all."""
    changed = set(yaml.safe_load((CHART / "ci" / "everything-values.yaml").read_text()))
    elsewhere = {"shards", "resources"}
    to_leave = {
        "livenessProbe", "readinessProbe", "podSecurityContext", "securityContext", "updateStrategy",
        "progressDeadlineSeconds", "revisionHistoryLimit", "extraContainers",
    }  # fmt: skip
    assert changed == set(yaml.safe_load((CHART / "values.yaml").read_text())) - elsewhere - to_leave


@pytest.mark.parametrize("render", charts(), ids=str)
def test_the_configuration_says_in_toml_what_the_values_say_in_yaml(render: Render) -> None:
    wanted = merged(
        yaml.safe_load((CHART / "values.yaml").read_text())["config"],
        (yaml.safe_load(render.path.read_text()) or {}).get("config", {}),
    )
    for helm in HELMS:
        assert tomllib.loads(config_text(render.objects(helm))) == wanted


def merged(base: dict, over: dict) -> dict:
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict):
            both[key] = merged(base[key], over[key])
    return both


def test_numbers_texts_and_names_of_any_kind_survive_in_the_configuration() -> None:
    text = """
    config:
      exposition: { max_series: 123456789012, sandbox_email: false }
      accounts:
        "with a space": { requests_per_second: 0.25, burst: 1000000, base_url: "https://a.example/\\"\\\\\\n\\u00e9<&>" }
        default: { token_file: null }
    """
    account = tomllib.loads(config_text(with_values(text)))["accounts"]
    assert account["with a space"] == {
        "requests_per_second": 0.25,
        "burst": 1_000_000,
        "base_url": 'https://a.example/"\\\né<&>',
    }
    assert isinstance(account["with a space"]["burst"], int)
    assert "token_file" not in account["default"]
    set_by_flag = config_text(with_values("{}", "--set", "config.accounts.default.burst=20"))
    assert tomllib.loads(set_by_flag)["accounts"]["default"]["burst"] == 20


@each_render
def test_the_exporter_accepts_the_configuration(render: Render, tmp_path) -> None:
    text = config_text(render.objects())
    # The token's file is checked, too; in the pod it comes from the Secret.
    (tmp_path / "token").write_text("a-token")
    text, count = re.subn(r'^token_file = ".*"$', f'token_file = "{tmp_path / "token"}"', text, flags=re.M)
    assert count >= 1
    (tmp_path / "config.toml").write_text(text)
    said = run(static_binary(), "check", f"--config.file={tmp_path / 'config.toml'}")
    assert said.returncode == 0, said.stdout + said.stderr
    (tmp_path / "config.toml").write_text(text + "\n[wbe]\n")
    assert run(static_binary(), "check", f"--config.file={tmp_path / 'config.toml'}").returncode == 2, "check finds nothing"


def test_another_configuration_makes_other_pods() -> None:
    def annotation(text: str) -> str:
        (workload,) = workloads(with_values(text))
        return workload["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert annotation("{}") == annotation("serviceMonitor: {enabled: true}")
    assert annotation("{}") != annotation("config: {log: {level: debug}}")


def test_another_configuration_makes_another_config_map_with_kustomize() -> None:
    names = set()
    for render in kustomizations():
        objects = render.objects()
        (config,) = [it for it in of_kind(objects, "ConfigMap") if "config.toml" in it["data"]]
        assert re.fullmatch("losant-exporter-config-[a-z0-9]{10}", config["metadata"]["name"])
        names.add(config["metadata"]["name"])
    assert len(names) == 2, "that of the base and that of the demo"


def test_long_names_of_releases_stay_within_what_kubernetes_takes() -> None:
    everything = "prometheusRule.enabled=true,dashboards.enabled=true,serviceMonitor.enabled=true,shards=2"
    rendered = run(tool(HELMS[0]), "template", "a" * 53, CHART, "--set", everything)
    assert rendered.returncode == 0, rendered.stderr
    for it in parsed(rendered.stdout):
        assert len(it["metadata"]["name"]) <= 63


def test_a_chart_without_a_secret_mounts_none() -> None:
    text = """
    existingSecret: { name: "" }
    config: { accounts: { default: { token_file: null } } }
    extraEnv:
    - name: LOSANT_API_TOKEN
      valueFrom: { secretKeyRef: { name: mine, key: token } }
    """
    (workload,) = workloads(with_values(text))
    pod = workload["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["config"]
    assert [mount["name"] for mount in pod["containers"][0]["volumeMounts"]] == ["config"]
