"""What refers to something else refers to something that is there.

Names, labels, ports and keys, through all objects of a render.
"""

import re

import pytest
from renders import ALL, NAMESPACE, ROOT, Render, each_render, named, of_kind, title, workloads

# What the user brings along: the Secret with the token, and what `ci/everything-values.yaml` mounts besides.
BROUGHT_ALONG = {("Secret", "losant-exporter-token"): {"token"}, ("Secret", "losant"): {"production", "staging"}}


def namespace(it: dict) -> str:
    return it["metadata"].get("namespace", NAMESPACE)


def pod_template(workload: dict) -> dict:
    return workload["spec"]["template"]


def containers(workload: dict) -> list[dict]:
    return pod_template(workload)["spec"]["containers"]


def matches(selector: dict | None, labels: dict) -> bool:
    """Whether a selector selects these labels, as Kubernetes would."""
    assert set(selector or {}) <= {"matchLabels"}, f"not understood here: {selector}"
    return all(labels.get(key) == value for key, value in (selector or {}).get("matchLabels", {}).items())


def the(objects: list[dict], kind: str, name: str) -> dict:
    found = [it for it in of_kind(objects, kind) if it["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name} is there {len(found)} times"
    return found[0]


def ports(workload: dict) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for container in containers(workload) for port in container["ports"]}


@each_render
def test_there_is_one_workload_which_selects_its_own_pods(render: Render) -> None:
    (workload,) = workloads(render.objects())
    labels = pod_template(workload)["metadata"]["labels"]
    assert matches(workload["spec"]["selector"], labels)
    # A selector cannot be changed later: nothing in it may depend on the version.
    assert set(workload["spec"]["selector"]["matchLabels"]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


@each_render
def test_services_budgets_policies_and_constraints_select_the_pods(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    labels = pod_template(workload)["metadata"]["labels"]
    for service in of_kind(objects, "Service"):
        assert matches({"matchLabels": service["spec"]["selector"]}, labels), title(service)
    for budget in of_kind(objects, "PodDisruptionBudget"):
        assert matches(budget["spec"]["selector"], labels)
    for policy in of_kind(objects, "NetworkPolicy"):
        assert matches(policy["spec"]["podSelector"], labels)
    for constraint in pod_template(workload)["spec"].get("topologySpreadConstraints", []):
        assert matches(constraint["labelSelector"], labels)


@each_render
def test_ports_that_are_named_exist(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    names = ports(workload)
    assert "http-metrics" in names
    for service in of_kind(objects, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(names), title(service)
    for container in containers(workload):
        own = {port["name"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            asked = container[probe].get("httpGet") or container[probe]["tcpSocket"]
            assert asked["port"] in own, f"{probe} of {container['name']}"


@each_render
def test_the_container_listens_on_the_port_that_is_named(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    listens = re.search(r'listen_addresses = \["[^"]*:(\d+)"', config(objects, workload))
    assert listens and int(listens[1]) == ports(workload)["http-metrics"]


def config(objects: list[dict], workload: dict) -> str:
    """The config.toml that is mounted."""
    (volume,) = [it for it in pod_template(workload)["spec"]["volumes"] if it["name"] == "config"]
    return the(objects, "ConfigMap", volume["configMap"]["name"])["data"]["config.toml"]


@each_render
def test_config_maps_and_secrets_that_are_mounted_exist_with_their_keys(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    pod = pod_template(workload)["spec"]
    for volume in pod["volumes"]:
        for kind, source, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            if source not in volume or volume[source].get("optional"):
                continue
            wanted = volume[source]
            own = [it for it in of_kind(objects, kind) if it["metadata"]["name"] == wanted[name]]
            keys = set(own[0]["data"]) if own else BROUGHT_ALONG[kind, wanted[name]]
            assert {item["key"] for item in wanted.get("items", [])} <= keys, volume
            assert all(namespace(it) == namespace(workload) for it in own)
    mounted = {volume["name"] for volume in pod["volumes"]}
    for container in containers(workload):
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= mounted, container["name"]


@each_render
def test_files_that_arguments_and_configuration_name_are_mounted(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    volumes = {volume["name"]: volume for volume in pod_template(workload)["spec"]["volumes"]}
    (exporter,) = [it for it in containers(workload) if it["name"] == "exporter"]
    files = set()
    for mount in exporter["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "secret" in volume:
            files |= {f"{mount['mountPath']}/{item['path']}" for item in volume["secret"]["items"]}
        elif not volume["configMap"].get("optional"):
            data = the(objects, "ConfigMap", volume["configMap"]["name"])["data"]
            files |= {f"{mount['mountPath']}/{key}" for key in data}
    named = {argument.split("=", 1)[1] for argument in exporter["args"] if argument.startswith("--config.file=")}
    named |= set(re.findall(r'^token_file = "(.+)"$', config(objects, workload), re.M))
    assert len(named) >= 2
    assert named <= files


@each_render
def test_the_service_account_exists_and_has_no_token(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    pod = pod_template(workload)["spec"]
    account = the(objects, "ServiceAccount", pod["serviceAccountName"])
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False


@each_render
def test_shards_are_as_many_as_pods_and_have_a_headless_service(render: Render) -> None:
    objects = render.objects()
    (workload,) = workloads(objects)
    (exporter,) = [it for it in containers(workload) if it["name"] == "exporter"]
    variables = {it["name"]: it for it in exporter.get("env", [])}
    if workload["kind"] == "Deployment":
        assert "LOSANT_EXPORTER__SHARDING__SHARDS" not in variables
        return
    assert variables["LOSANT_EXPORTER__SHARDING__SHARDS"]["value"] == str(workload["spec"]["replicas"])
    assert variables["POD_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    service = the(objects, "Service", workload["spec"]["serviceName"])
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_some_render_has_shards() -> None:
    assert {it["kind"] for render in ALL for it in workloads(render.objects())} == {"Deployment", "StatefulSet"}


@each_render
def test_the_service_monitor_selects_the_service_and_no_other(render: Render) -> None:
    objects = render.objects()
    for monitor in of_kind(objects, "ServiceMonitor"):
        # Without a selector of namespaces it looks in its own.
        own = {"matchNames": [namespace(monitor)]}
        looked_in = monitor["spec"].get("namespaceSelector", own)["matchNames"]
        selected = [
            it
            for it in of_kind(objects, "Service")
            if namespace(it) in looked_in and matches(monitor["spec"]["selector"], it["metadata"]["labels"])
        ]
        assert len(selected) == 1, "each pod would be scraped more than once, or never"
        (service,) = selected
        assert service["spec"].get("clusterIP") != "None"
        assert set(monitor["spec"].get("targetLabels", [])) <= set(service["metadata"]["labels"])
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        (workload,) = workloads(objects)
        path = re.search(r'^telemetry_path = "(.+)"$', config(objects, workload), re.M)
        assert endpoint["path"] == (path[1] if path else "/metrics")


def admitted(policy: dict, from_namespace: str, labels: dict, port: str) -> bool:
    """Whether a policy lets a pod with these labels, in a namespace of that name, in at that port."""
    for rule in policy["spec"]["ingress"]:
        at_port = port in {it["port"] for it in rule["ports"]} if "ports" in rule else True
        peers = rule.get("from", [{}])
        in_namespace = [
            matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": from_namespace})
            if "namespaceSelector" in peer
            else from_namespace == namespace(policy)
            for peer in peers
        ]
        is_pod = [matches(peer.get("podSelector"), labels) for peer in peers]
        if at_port and any(map(all, zip(in_namespace, is_pod, strict=True))):
            return True
    return False


@each_render
def test_the_network_policy_lets_prometheus_in_and_nobody_else(render: Render) -> None:
    objects = render.objects()
    (policy,) = of_kind(objects, "NetworkPolicy")
    prometheus = {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": "kube-prometheus-stack-prometheus"}
    # Prometheus is where the ServiceMonitor is, or in any other namespace where none is named.
    namespaces = {namespace(it) for it in of_kind(objects, "ServiceMonitor")} or {"monitoring", NAMESPACE}
    for name in namespaces:
        assert admitted(policy, name, prometheus, "http-metrics"), f"Prometheus in namespace {name} is kept out"
        assert not admitted(policy, name, {"app.kubernetes.io/name": "grafana"}, "http-metrics")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


@each_render
def test_the_network_policy_lets_dns_and_https_out_to_anywhere(render: Render) -> None:
    (policy,) = of_kind(render.objects(), "NetworkPolicy")
    open_ports = {
        (port["protocol"], port["port"]) for rule in policy["spec"]["egress"] for port in rule["ports"] if "to" not in rule
    }
    assert open_ports >= {("UDP", 53), ("TCP", 53), ("TCP", 443)}
    assert open_ports <= {("UDP", 53), ("TCP", 53), ("TCP", 443), ("TCP", 8443)}


@each_render
def test_every_object_has_the_recommended_labels(render: Render) -> None:
    wanted = {f"app.kubernetes.io/{it}" for it in ("name", "instance", "component", "part-of")}
    for it in render.objects():
        if it["kind"] != "ExternalSecret":
            assert wanted <= set(it["metadata"]["labels"]), title(it)
    (workload,) = workloads(render.objects())
    assert "app.kubernetes.io/managed-by" in pod_template(workload)["metadata"]["labels"]


@each_render
def test_the_version_is_that_of_the_program(render: Render) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    (workload,) = workloads(render.objects())
    assert pod_template(workload)["metadata"]["labels"]["app.kubernetes.io/version"] == version
    images = {container["image"] for container in containers(workload)}
    assert len(images) == 1
    (image,) = images
    assert image.startswith("ghcr.io/losant-exporter/losant-exporter:") or "@sha256:" in image
    assert image.endswith(f":{version}") or "@sha256:" in image


@pytest.mark.parametrize("break_it", ["label", "port", "key", "policy"])
def test_broken_references_are_found(break_it: str) -> None:
    """The tests above, on objects that are wrong."""
    broken = Broken(named("kustomize-monitoring").objects())
    (workload,) = workloads(broken.wrong)
    if break_it == "label":
        pod_template(workload)["metadata"]["labels"]["app.kubernetes.io/name"] = "exporter"
        check = test_services_budgets_policies_and_constraints_select_the_pods
    elif break_it == "port":
        containers(workload)[0]["ports"][0]["name"] = "http"
        check = test_ports_that_are_named_exist
    elif break_it == "key":
        (volume,) = [it for it in pod_template(workload)["spec"]["volumes"] if it["name"] == "token"]
        volume["secret"]["items"][0]["key"] = "tokens"
        check = test_config_maps_and_secrets_that_are_mounted_exist_with_their_keys
    else:
        (policy,) = of_kind(broken.wrong, "NetworkPolicy")
        policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] = "losant-exporter"
        check = test_the_network_policy_lets_prometheus_in_and_nobody_else
    with pytest.raises((AssertionError, KeyError)):
        check(broken)


class Broken:
    """Stands in for a render."""

    def __init__(self, wrong: list[dict]) -> None:
        self.wrong = wrong

    def objects(self) -> list[dict]:
        return self.wrong
