"""Pods and the image can do what they have to, and nothing else."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from renders import ALL, CACHE, DEPLOY, Render, each_render, lack, workloads

# A pod that everything is wrong with.
PLANTED = """
apiVersion: v1
kind: Pod
metadata: { name: planted, namespace: losant }
spec:
  hostNetwork: true
  containers:
  - { name: shell, image: "busybox:latest", securityContext: { privileged: true } }
"""

# An image that anybody can change, and that is root.
PLANTED_IMAGE = """
FROM debian:latest
ADD https://example.org/tool /usr/bin/tool
"""


def checkov(framework: str, folder: Path) -> dict[str, set[str]]:
    """The checks of checkov that fail, and what fails them."""
    program = CACHE / "checkov" / "bin" / "checkov"
    if not program.exists():
        lack("checkov is missing; scripts/deploy-components installs it")
    done = subprocess.run(
        [program, "--framework", framework, "--directory", folder, "--quiet", "--compact", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=580,
        # It would ask its vendor for guidelines.
        env={**os.environ, "BC_SKIP_MAPPING": "TRUE"},
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, done.stdout
    failed: dict[str, set[str]] = {}
    for check in report["results"]["failed_checks"]:
        failed.setdefault(check["check_id"], set()).add(check["resource"])
    return failed


def excepted(family: str) -> set[str]:
    exceptions = yaml.safe_load((DEPLOY / "checkov.yaml").read_text())["skip-check"]
    return {check for check in exceptions if check.startswith(family)}


def test_checkov_finds_nothing_in_pods_but_what_has_a_reason(tmp_path) -> None:
    for render in ALL:
        (tmp_path / f"{render}.yaml").write_text(render.text())
    (tmp_path / "planted.yaml").write_text(PLANTED)
    failed = checkov("kubernetes", tmp_path)
    ours = {check: names - {"Pod.losant.planted"} for check, names in failed.items()}
    assert {check for check, names in ours.items() if names} == excepted("CKV_K8S_"), ours
    assert {check for check, names in failed.items() if "Pod.losant.planted" in names} >= {"CKV_K8S_16", "CKV_K8S_19"}


def test_checkov_finds_nothing_in_the_image_but_what_has_a_reason(tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text(PLANTED_IMAGE)
    assert set(checkov("dockerfile", tmp_path)) >= {"CKV_DOCKER_3", "CKV_DOCKER_4", "CKV_DOCKER_7"}
    assert set(checkov("dockerfile", DEPLOY / "docker")) == excepted("CKV_DOCKER_")


@each_render
def test_pods_are_as_narrow_as_can_be(render: Render) -> None:
    (workload,) = workloads(render.objects())
    pod = workload["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
    for volume in pod["volumes"]:
        if "secret" in volume:
            # For the group of the pod, and nobody else.
            assert volume["secret"]["defaultMode"] == 0o440


@each_render
def test_the_exporter_is_asked_how_it_is_where_it_says_so(render: Render) -> None:
    (workload,) = workloads(render.objects())
    (exporter,) = [it for it in workload["spec"]["template"]["spec"]["containers"] if it["name"] == "exporter"]
    assert exporter["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert exporter["readinessProbe"]["httpGet"]["path"] == "/-/ready"


@each_render
def test_a_rollout_of_a_deployment_leaves_no_gap(render: Render) -> None:
    (workload,) = workloads(render.objects())
    if workload["kind"] == "StatefulSet":
        assert workload["spec"]["podManagementPolicy"] == "Parallel"
        return
    strategy = workload["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    # Longer than the first sweep of the largest account that fits, and `polling.ready_after`.
    assert workload["spec"]["progressDeadlineSeconds"] >= 1800


def test_tokens_are_in_no_render_but_the_demo() -> None:
    for render in ALL:
        has_one = "kind: Secret\n" in render.text()
        assert has_one == (render.name == "kustomize-demo"), render.name


@pytest.mark.parametrize("name", ["kustomize-sharded", "chart-sharded", "kustomize-sharded_monitoring"])
def test_shards_are_spread_over_nodes_and_zones(name: str) -> None:
    (render,) = [it for it in ALL if it.name == name]
    (workload,) = workloads(render.objects())
    constraints = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [it["topologyKey"] for it in constraints] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert {it["whenUnsatisfiable"] for it in constraints} == {"ScheduleAnyway"}
