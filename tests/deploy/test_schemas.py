"""Every object against the schemas of Kubernetes and the types of prometheus-operator; a typo in any kind would be found."""

import copy
import json
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
from renders import ALL, CACHE, Render, each_render, lack, title, tool

VERSIONS = ["1.29", "1.32", "1.35"]
OPERATOR = "monitoring.coreos.com/"
# Objects of a user's own, of which nothing can be known here.
FOREIGN = "external-secrets.io/"


def problem(it: dict, version: str) -> str | None:
    """What strict validation says of an object. A kind that it does not know is a problem, too."""
    try:
        kubernetes_validate.validate(it, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{title(it)}, Kubernetes {version}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return f"{title(it)}, Kubernetes {version}: no such kind: {error.kind}"
    return None


def of_kubernetes(render: Render) -> list[dict]:
    return [it for it in render.objects() if not it["apiVersion"].startswith((OPERATOR, FOREIGN))]


def of_operator(render: Render) -> list[dict]:
    return [it for it in render.objects() if it["apiVersion"].startswith(OPERATOR)]


def operator_problems(objects: list[dict], folder: Path) -> list[str]:
    """What is wrong with each object, if anything: unknown fields by the compiler, wrong values by the schemas of the types."""
    modules = CACHE / "node" / "node_modules"
    if not (modules / ".bin" / "tsc").exists():
        lack("the types of prometheus-operator are missing; scripts/deploy-components installs them")
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    kinds = sorted({it["kind"] for it in objects})
    # A line for each object: the number of the line says which it is.
    lines = [f"({json.dumps(it)}) satisfies I{it['kind']};" for it in objects]
    imports = [f"import type {{ I{kind} }} from '@kubernetes-models/prometheus-operator/{OPERATOR}v1/{kind}';" for kind in kinds]
    (folder / "objects.ts").write_text("\n".join(lines + imports))
    options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"]
    compiled = node(folder, modules / ".bin" / "tsc", *options, "objects.ts")
    problems = ["".join(re.findall(rf"^objects.ts\({line},.*$", compiled, re.M)) for line in range(1, len(objects) + 1)]
    assert (compiled == "") == (set(problems) == {""}), compiled

    (folder / "objects.json").write_text(json.dumps(objects))
    (folder / "validate.js").write_text(
        "import { readFileSync } from 'node:fs';\n"
        f"import * as models from '@kubernetes-models/prometheus-operator/{OPERATOR}v1';\n"
        "const problem = it => { try { new models[it.kind](it).validate(); return ''; } catch (why) { return why.message; } };\n"
        "console.log(JSON.stringify(JSON.parse(readFileSync('objects.json')).map(problem)));\n"
    )
    return [" ".join(both).strip() for both in zip(problems, json.loads(node(folder, "validate.js")), strict=True)]


def node(folder: Path, *command: str | Path) -> str:
    return subprocess.run([tool("node"), *command], cwd=folder, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.parametrize("version", VERSIONS)
@each_render
def test_every_object_is_what_kubernetes_knows(render: Render, version: str) -> None:
    problems = [it for it in (problem(it, version) for it in of_kubernetes(render)) if it]
    assert not problems, "\n".join(problems)


def one_of_each_kind(objects: list[dict]) -> list[dict]:
    return list({it["kind"]: it for it in objects}.values())


# A key of each kind, as deep inside as there is one.
KEYS = {
    "ConfigMap": "data",
    "Deployment": "readOnlyRootFilesystem",
    "NetworkPolicy": "protocol",
    "PodDisruptionBudget": "maxUnavailable",
    "Secret": "data",
    "Service": "targetPort",
    "ServiceAccount": "automountServiceAccountToken",
    "StatefulSet": "podManagementPolicy",
}


def with_typo(value: object, key: str) -> object:
    """The same with an x behind that key, wherever it stands."""
    if isinstance(value, list):
        return [with_typo(inner, key) for inner in value]
    if not isinstance(value, dict):
        return value
    return {name + "x" * (name == key): with_typo(inner, key) for name, inner in value.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_typo_in_any_kind_of_kubernetes_is_found(version: str) -> None:
    kinds = one_of_each_kind([it for render in ALL for it in of_kubernetes(render)])
    assert {it["kind"] for it in kinds} == set(KEYS)
    for it in kinds:
        broken = with_typo(it, KEYS[it["kind"]])
        assert f"'{KEYS[it['kind']]}x' was unexpected" in (problem(broken, version) or "")
        assert "no such kind" in (problem({**it, "kind": it["kind"] + "x"}, version) or "")


def test_every_object_is_what_prometheus_operator_knows_and_mistakes_are_found(tmp_path) -> None:
    """In one run: the compiler reads the types for seconds."""
    objects = [it for render in ALL for it in of_operator(render)]
    monitor, rules = (next(it for it in objects if it["kind"] == kind) for kind in ("ServiceMonitor", "PrometheusRule"))
    wrong = copy.deepcopy(monitor)
    wrong["spec"]["endpoints"][0]["interval"] = "half a minute"
    mistakes = {"endpointsx": with_typo(monitor, "endpoints"), "intervalx": with_typo(monitor, "interval")}
    mistakes |= {"exprx": with_typo(rules, "expr"), "groupsx": with_typo(rules, "groups"), "interval": wrong}

    problems = operator_problems(objects + list(mistakes.values()), tmp_path)
    assert set(problems[: len(objects)]) == {""}, "\n".join(problems)
    for expected, problem in zip(mistakes, problems[len(objects) :], strict=True):
        assert expected in problem
