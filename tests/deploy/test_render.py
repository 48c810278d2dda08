"""Everything renders with both versions of each tool, to the same objects."""

import shutil

import pytest
from renders import CHART, HELMS, KUBECTLS, ROOT, Render, charts, each_render, kustomizations
from renders import of_kind, parsed, printed, run, title, tool


@each_render
def test_both_versions_render_the_same_objects(render: Render) -> None:
    older, newer = ({title(it): it for it in render.objects(it)} for it in render.tools)
    assert older, "nothing was rendered"
    assert older == newer


@each_render
def test_no_object_is_rendered_twice(render: Render) -> None:
    titles = [title(it) for it in render.objects()]
    assert sorted(titles) == sorted(set(titles))


def test_there_is_something_to_render() -> None:
    assert {it.name for it in kustomizations()} >= {f"kustomize-{it}" for it in ("base", "monitoring", "sharded", "demo")}
    assert len(charts()) >= 5


@pytest.mark.parametrize("helm", HELMS)
def test_helm_finds_nothing_wrong_with_the_chart(helm: str) -> None:
    for values in sorted((CHART / "ci").glob("*.yaml")):
        said = run(tool(helm), "lint", "--strict", "--values", values, CHART)
        assert said.returncode == 0 and "[WARNING]" not in said.stdout, f"{values.name}: {said.stdout}{said.stderr}"
    said = run(tool(helm), "lint", "--strict", CHART)
    assert said.returncode == 0 and "[WARNING]" not in said.stdout, said.stdout + said.stderr


@pytest.mark.parametrize("helm", HELMS)
def test_the_packed_chart_holds_rules_and_dashboards_and_renders_the_same(helm: str, tmp_path) -> None:
    printed(tool(helm), "package", CHART, "--destination", tmp_path)
    (package,) = tmp_path.glob("losant-exporter-*.tgz")
    # Helm keeps it in a Secret, which holds a megabyte.
    assert package.stat().st_size < 500_000
    for values in sorted((CHART / "ci").glob("*.yaml")):
        arguments = ["--namespace", "losant", "--values", values]
        packed = printed(tool(helm), "template", "losant-exporter", package, *arguments)
        assert packed == printed(tool(helm), "template", "losant-exporter", CHART, *arguments), values.name


@pytest.mark.parametrize("kubectl", KUBECTLS)
def test_the_example_renders_once_the_token_is_there(kubectl: str, tmp_path) -> None:
    """In a copy: the token is a file that is not in git."""
    example = ROOT / "deploy" / "kubernetes" / "examples" / "production"
    refused = run(tool(kubectl), "kustomize", example)
    assert refused.returncode != 0 and "losant-token" in refused.stderr

    mine = tmp_path / example.relative_to(ROOT)
    shutil.copytree(ROOT / "deploy" / "kubernetes", tmp_path / "deploy" / "kubernetes")
    shutil.copytree(ROOT / "grafana", tmp_path / "grafana", ignore=shutil.ignore_patterns("node_modules"))
    (mine / "losant-token").write_text("a token")
    objects = parsed(printed(tool(kubectl), "kustomize", mine))
    (secret,) = of_kind(objects, "Secret")
    assert list(secret["data"]) == ["token"]
