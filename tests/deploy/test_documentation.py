"""What is written for users is followed, as far as that goes without a cluster, and is up to date."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from artefacts import static_binary
from renders import CACHE, CHART, DEPLOY, HELMS, KUBECTLS, ROOT, lack, named, parsed, printed, run, title, tool
from test_schemas import FOREIGN, OPERATOR, problem

TOKEN = "losant-token"


def commands(markdown: str) -> list[list[str]]:
    """The commands of all console blocks: lines behind `$`, with those that they go on in."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", markdown, re.M | re.S)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


def section(path: Path, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", path.read_text(), re.M | re.S)
    assert found, f"{path.name} has no section {heading}"
    return found[1]


class Follower:
    """Does what the commands say in a copy of the project, with nothing behind it but files: what would be applied is rendered.

    A command that it does not know is a failure, so that none is written that nobody has tried.
    """

    def __init__(self, folder: Path, helm: str, kubectl: str) -> None:
        self.folder = folder
        self.helm = tool(helm)
        self.kubectl = tool(kubectl)
        self.objects: list[dict] = []
        for name in ("deploy", "grafana"):
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("node_modules"))

    def follow(self, words: list[str]) -> None:
        match words:
            case ["kubectl", "apply" | "delete" as act, "--namespace", _, "-k", path]:
                self.objects = parsed(printed(self.kubectl, "kustomize", path, cwd=self.folder))
                assert self.objects, act
            case ["kubectl", "create", "namespace" | "secret", *_]:
                made = parsed(printed(self.kubectl, *words[1:], "--dry-run=client", "--output=yaml", cwd=self.folder))
                self.objects += made
            case ["kubectl", "rollout", "status", "--namespace", _, target]:
                self.has(target)
            case ["kubectl", "port-forward", "--namespace", _, target, port]:
                service = self.has(target)
                assert int(port) in {it["port"] for it in service["spec"]["ports"]}
            case ["helm", "upgrade", "--install", name, chart, *rest]:
                rest = [word for word in rest if word != "--reuse-values"]
                self.objects = parsed(printed(self.helm, "template", name, chart, *rest, cwd=self.folder))
            case ["curl", "--silent", url, "|", "grep", _]:
                assert url == "http://localhost:10066/metrics"
            case _:
                raise AssertionError(f"not followed by any test: {words}")
        for it in self.objects:
            if not it["apiVersion"].startswith((OPERATOR, FOREIGN)):
                # kubectl writes a timestamp of null, which is not in the schemas.
                it["metadata"].pop("creationTimestamp", None)
                assert problem(it, "1.32") is None

    def has(self, target: str) -> dict:
        kind, name = target.split("/")
        found = [it for it in self.objects if title(it).lower() == f"{kind} {name}"]
        assert len(found) == 1, f"{target} is not among {sorted(map(title, self.objects))}"
        return found[0]


@pytest.mark.parametrize(("helm", "kubectl"), list(zip(HELMS, KUBECTLS, strict=True)))
def test_kubernetes_in_five_minutes_can_be_followed_word_by_word(helm: str, kubectl: str, tmp_path) -> None:
    follower = Follower(tmp_path, helm, kubectl)
    text = section(ROOT / "README.md", "Kubernetes in five minutes")
    steps = commands(text)
    assert len(steps) >= 8
    # The reader makes that file, once for the Secret and once beside the kustomization.
    for place in (tmp_path, tmp_path / "deploy" / "kubernetes" / "examples" / "production"):
        (place / TOKEN).write_text("a token")
    for words in steps:
        follower.follow(words)
        if words[:2] == ["kubectl", "create"] and "secret" in words:
            (secret,) = [it for it in follower.objects if it["kind"] == "Secret" and it["metadata"]["name"] == words[4]]
            assert list(secret["data"]) == ["token"]


@pytest.mark.parametrize("helm", HELMS)
def test_the_readme_of_the_chart_can_be_followed(helm: str, tmp_path) -> None:
    follower = Follower(tmp_path, helm, KUBECTLS[0])
    (tmp_path / TOKEN).write_text("a token")
    steps = commands((CHART / "README.md").read_text())
    assert len(steps) >= 3
    for words in steps:
        follower.follow(words)


def test_notes_say_how_to_go_on_with_what_is_there() -> None:
    """Helm 4 prints them without a cluster, Helm 3 does not."""
    helm = HELMS[-1]
    for values in sorted((CHART / "ci").glob("*.yaml")):
        said = run(tool(helm), "install", "mine", CHART, "--dry-run=client", "--namespace", "losant", "--values", values)
        assert said.returncode == 0, said.stderr
        rendered, notes = said.stdout.split("NOTES:\n")
        for kind, name in re.findall(r"(deployment|statefulset|service)/([a-z-]+)", notes):
            assert re.search(rf"^kind: {kind}\nmetadata:\n  name: {name}$", rendered, re.M | re.I), f"{kind}/{name}"
        assert "rollout status" in notes and "port-forward" in notes


def test_the_table_of_values_is_up_to_date(tmp_path) -> None:
    if not (CACHE / "node" / "installed-lock.json").exists():
        lack("readme-generator is missing; scripts/deploy-components installs it")
    copy = tmp_path / "README.md"
    shutil.copy(CHART / "README.md", copy)
    subprocess.run([ROOT / "scripts" / "chart-readme", copy], check=True, capture_output=True)
    assert copy.read_text() == (CHART / "README.md").read_text(), "stale: run `make chart-readme`"


def test_all_that_deploy_has_is_in_its_table() -> None:
    text = (DEPLOY / "README.md").read_text()
    linked = set(re.findall(r"^\| \[([a-z./-]+)\]\(", text, re.M))
    there = {it.name for it in DEPLOY.iterdir()} - {"README.md"}
    assert {it.split("/")[0] for it in linked} >= {"kubernetes", "helm", "docker", "compose", "systemd", "debian", "prometheus", "checkov.yaml"}
    assert {it.split("/")[0] for it in linked} == there
    for path in re.findall(r"`(kubernetes/[a-z/.-]+)`", text):
        assert (DEPLOY / path).exists(), path


def test_the_demo_has_the_token_and_the_instance_of_the_simulator(tmp_path) -> None:
    """They are made up by the simulator, the same at every start."""
    command = [static_binary(), "simulate", "--simulator.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as simulator:
        said = ""
        for line in simulator.stdout:
            said += line
            if "LOSANT_EXPORTER__ACCOUNTS__DEFAULT__INSTANCES" in line:
                break
        simulator.terminate()
    demo = DEPLOY / "kubernetes" / "overlays" / "demo"
    assert f"LOSANT_API_TOKEN={(demo / 'token').read_text()}\n" in said
    (instance,) = re.findall(r"^Instance +([0-9a-f]{24})$", said, re.M)
    assert f'instances = ["{instance}"]' in (demo / "config.toml").read_text()
    objects = named("kustomize-demo").objects()
    assert any("http://127.0.0.1:10067" in str(it.get("data")) for it in objects)
