"""Rules and dashboards in the cluster are those of the other folders, byte for byte in meaning."""

import json
import re
import subprocess

import yaml
from renders import ALL, DEPLOY, NAMESPACE, ROOT, Render, chart, each_render, named, of_kind, parsed, title, tool, values

RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))


def shipped_groups() -> list[dict]:
    return [group for file in RULES for it in parsed(file.read_text()) for group in it["groups"]]


def groups(objects: list[dict]) -> list[dict]:
    return [group for it in of_kind(objects, "PrometheusRule") for group in it["spec"]["groups"]]


def by_name(of_groups: list[dict]) -> dict[str, dict]:
    return {group["name"]: group for group in of_groups}


def with_values(text: str) -> list[dict]:
    return groups(parsed(chart(["--values", values(text)])))


def test_the_rules_for_kustomize_are_up_to_date(tmp_path) -> None:
    subprocess.run([ROOT / "scripts" / "kubernetes-rules", tmp_path], check=True)
    committed = DEPLOY / "kubernetes" / "components" / "monitoring" / "rules"
    assert {it.name for it in committed.iterdir()} == {it.name for it in RULES}
    for file in tmp_path.iterdir():
        assert file.read_text() == (committed / file.name).read_text(), f"{file.name} is stale: run `make rules`"


def test_kustomize_has_the_rules_of_the_rule_files() -> None:
    for name in ("monitoring", "sharded_monitoring"):
        assert by_name(groups(named(f"kustomize-{name}").objects())) == by_name(shipped_groups())


def test_the_chart_has_the_rules_of_the_rule_files() -> None:
    assert by_name(with_values("prometheusRule: {enabled: true}")) == by_name(shipped_groups())


def test_links_in_alerts_lead_where_the_values_say() -> None:
    text = "prometheusRule: {enabled: true, dashboardUrl: 'https://g.example.org/grafana/', runbookUrl: 'https://wiki/r'}"
    wanted = shipped_groups()
    for group in wanted:
        for rule in group["rules"]:
            if "alert" in rule:
                links = rule["annotations"]
                links["dashboard_url"] = links["dashboard_url"].replace("http://localhost:3000", "https://g.example.org/grafana")
                links["runbook_url"] = f"https://wiki/r/{rule['alert']}.md"
    assert by_name(with_values(text)) == by_name(wanted)


def test_thresholds_and_switches_change_what_they_name_and_nothing_else() -> None:
    wanted = shipped_groups()
    thresholds = {"payloads_spike_ratio": 6, "payloads_spike_floor": 1_000_000, "limit_near_ratio": 0.95}
    for group in wanted:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != "LosantOrgSilent"]
        for rule in group["rules"]:
            if "alert" in rule:
                rule["labels"]["team"] = "platform"
                if rule["alert"] == "LosantSandboxPayloadSpike":
                    rule["labels"]["severity"], rule["for"] = "info", "30m"
                if rule["alert"] == "LosantExporterDown":
                    rule["labels"]["page"] = "yes"
    rendered = groups(named("chart-alerts").objects())
    changed = {}
    for group in rendered:
        for rule in group["rules"]:
            threshold = re.fullmatch("losant:(.+):threshold", rule.get("record", ""))
            if threshold and threshold[1] in thresholds:
                changed[threshold[1]] = float(rule["expr"].removeprefix("vector(").removesuffix(")"))
                rule["expr"] = "changed"
    for group in wanted:
        for rule in group["rules"]:
            if rule.get("record", "").removeprefix("losant:").removesuffix(":threshold") in thresholds:
                rule["expr"] = "changed"
    assert changed == thresholds
    assert by_name(rendered) == by_name(wanted)


def test_promtool_accepts_the_rules_of_every_render(tmp_path) -> None:
    files = []
    for render in ALL:
        for number, it in enumerate(of_kind(render.objects(), "PrometheusRule")):
            files.append(tmp_path / f"{render}-{number}.yaml")
            files[-1].write_text(yaml.safe_dump(it["spec"]))
    assert files
    said = subprocess.run([tool("promtool"), "check", "rules", *files], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_schema_of_values_knows_all_alerts_and_thresholds_and_no_others() -> None:
    schema = json.loads((DEPLOY / "helm" / "losant-exporter" / "values.schema.json").read_text())
    rules = schema["properties"]["prometheusRule"]["properties"]
    shipped = [rule for group in shipped_groups() for rule in group["rules"]]
    assert sorted(rules["alerts"]["propertyNames"]["enum"]) == sorted(rule["alert"] for rule in shipped if "alert" in rule)
    names = [re.fullmatch("losant:(.+):threshold", rule.get("record", "")) for rule in shipped]
    assert sorted(rules["thresholds"]["properties"]) == sorted(name[1] for name in names if name)


@each_render
def test_dashboards_are_the_files_byte_for_byte_and_small_enough(render: Render) -> None:
    maps = [it for it in of_kind(render.objects(), "ConfigMap") if "grafana_dashboard" in it["metadata"]["labels"]]
    if not maps:
        return
    assert {it["metadata"]["annotations"]["grafana_folder"] for it in maps} == {"Losant"}
    files = {key: text for it in maps for key, text in it["data"].items()}
    assert files == {f"losant-{file.name}": file.read_text() for file in DASHBOARDS}
    for it in maps:
        # Kubernetes takes a megabyte, and 256 KiB in the annotation in which kubectl apply keeps it.
        assert len(json.dumps(it)) < 256 * 1024, title(it)


@each_render
def test_rules_are_small_enough(render: Render) -> None:
    for it in of_kind(render.objects(), "PrometheusRule"):
        assert len(json.dumps(it)) < 256 * 1024, title(it)


def test_monitoring_objects_go_where_the_values_say() -> None:
    for it in named("chart-monitoring").objects():
        watched = it["kind"] in ("ServiceMonitor", "PrometheusRule") or "grafana_dashboard" in it["metadata"]["labels"]
        assert it["metadata"]["namespace"] == ("monitoring" if watched else NAMESPACE), title(it)
