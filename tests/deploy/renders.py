"""Everything that is rendered: each kustomization, and the chart with each file of values.

Each is rendered with the older tool; `test_render` holds the newer one to the same objects.
"""

import copy
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "losant-exporter"
CACHE = ROOT / ".cache" / "deploy"
HELMS = ["helm-3.17", "helm-4.3"]
KUBECTLS = ["kubectl-1.31", "kubectl-1.37"]
# Where the chart is installed in these tests.
NAMESPACE = "losant"


def lack(reason: str) -> None:
    """Something that the test needs is not there: in continuous integration a failure, elsewhere a skip, by name."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The path of what `scripts/deploy-components` has installed, or of a program of the system."""
    own = CACHE / "bin" / name
    path = str(own) if own.exists() else shutil.which(name)
    if path is None:
        lack(f"{name} is missing; scripts/deploy-components installs it")
    return path


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, without any configuration of the user's."""
    environment = {**os.environ, "HELM_CACHE_HOME": str(CACHE / "helm"), "HELM_CONFIG_HOME": str(CACHE / "helm")}
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env=environment, timeout=300, **options
    )


def printed(*command: str | Path, **options) -> str:
    """What a command prints that has to succeed."""
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Render:
    """Something that renders to objects."""

    name: str
    path: Path

    @property
    def is_chart(self) -> bool:
        return self.path.suffix == ".yaml"

    @property
    def tools(self) -> list[str]:
        return HELMS if self.is_chart else KUBECTLS

    def text(self, with_tool: str | None = None) -> str:
        return _rendered(self, with_tool or self.tools[0])

    def objects(self, with_tool: str | None = None) -> list[dict]:
        """The objects, each a copy of its own."""
        return copy.deepcopy(_parsed(self, with_tool or self.tools[0]))

    def __str__(self) -> str:
        return self.name


@functools.cache
def _rendered(render: Render, with_tool: str) -> str:
    if render.is_chart:
        return chart(["--values", render.path], with_tool)
    return printed(tool(with_tool), "kustomize", render.path)


@functools.cache
def _parsed(render: Render, with_tool: str) -> list[dict]:
    return parsed(_rendered(render, with_tool))


def parsed(text: str) -> list[dict]:
    """The objects of a text; by the loader that is written in C, since there are megabytes of rules and dashboards."""
    return [it for it in yaml.load_all(text, Loader=yaml.CSafeLoader) if it is not None]


def chart(arguments: list[str | Path], with_tool: str = HELMS[0]) -> str:
    """The chart with these arguments."""
    return printed(*chart_command(arguments, with_tool))


def chart_command(arguments: list[str | Path], with_tool: str = HELMS[0]) -> list[str | Path]:
    return [tool(with_tool), "template", "losant-exporter", CHART, "--namespace", NAMESPACE, *arguments]


def values(text: str) -> str:
    """The path of a file with these values, kept until the end of the run."""
    file = tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=_folder(), delete=False)
    with file:
        file.write(text)
    return file.name


@functools.cache
def _folder() -> str:
    # The object has to live as long as the run.
    _folder.made = tempfile.TemporaryDirectory(prefix="losant-exporter-")
    return _folder.made.name


def kustomizations() -> list[Render]:
    folders = [
        DEPLOY / "kubernetes" / "base",
        *sorted((DEPLOY / "kubernetes" / "overlays").iterdir()),
        *sorted((ROOT / "tests" / "deploy" / "kustomize").iterdir()),
    ]
    return [Render(f"kustomize-{folder.name}", folder) for folder in folders]


def charts() -> list[Render]:
    return [Render(f"chart-{file.stem.removesuffix('-values')}", file) for file in sorted((CHART / "ci").glob("*.yaml"))]


ALL = kustomizations() + charts()
each_render = pytest.mark.parametrize("render", ALL, ids=str)


def named(name: str) -> Render:
    (render,) = [it for it in ALL if it.name == name]
    return render


def of_kind(objects: list[dict], *kinds: str) -> list[dict]:
    return [it for it in objects if it["kind"] in kinds]


def workloads(objects: list[dict]) -> list[dict]:
    """What has pods."""
    return of_kind(objects, "Deployment", "StatefulSet")


def title(it: dict) -> str:
    return f"{it['kind']} {it['metadata'].get('name')}"
