"""What `make release-artifacts` leaves in dist/."""

import hashlib
import json
import re
import subprocess
import tarfile
import tomllib

from artefacts import folder, image, release, script
from renders import ROOT

PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
NAME = f"{PACKAGE['name']}-{PACKAGE['version']}"
CHART = f"{NAME}.tgz"


def sbom() -> dict:
    return json.loads((release() / f"{NAME}.cdx.json").read_text())


def test_everything_is_there_and_its_sums_are_right():
    sums = dict(reversed(line.split("  ")) for line in (release() / "SHA256SUMS").read_text().splitlines())
    found = {file.name for file in release().iterdir()} - {"SHA256SUMS"}
    assert set(sums) == found
    for name, sum_of_it in sums.items():
        assert hashlib.sha256((release() / name).read_bytes()).hexdigest() == sum_of_it, name
    kinds = {re.sub(r"(amd64|arm64)", "ARCH", name) for name in found}
    expected = {f"{NAME}.linux-ARCH.tar.gz", f"losant-exporter_{PACKAGE['version']}-1_ARCH.deb", f"{NAME}.oci.tar", f"{NAME}.cdx.json"}
    if (ROOT / "deploy/helm/losant-exporter").exists():
        expected.add(CHART)
    assert kinds == expected


def test_the_archive_holds_a_binary_that_runs_and_what_goes_with_it(tmp_path):
    (archive,) = release().glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
        tar.extractall(tmp_path, filter="data")
    assert {"losant-exporter", "LICENSE", "third-party-licences.txt", "README.md", "config.toml", "rules/losant-org.yaml", "dashboards/overview.json"} <= names
    (binary,) = tmp_path.glob("*/losant-exporter")
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"losant-exporter {PACKAGE['version']}"


def test_the_image_is_the_one_that_the_tests_have_run():
    with tarfile.open(release() / f"{NAME}.oci.tar") as tar:
        index = json.load(tar.extractfile("index.json"))
    assert index["manifests"][0]["digest"] == image()[1]


def test_the_bill_of_materials_names_every_crate_of_the_lock_that_is_built_in():
    bom = sbom()
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    assert bom["metadata"]["component"]["name"] == PACKAGE["name"]
    assert bom["metadata"]["component"]["version"] == PACKAGE["version"]
    listed = {f"{component['name']} {component['version']}" for component in bom["components"]}
    tree = ["cargo", "tree", "--locked", "--edges=normal", "--prefix=none", "--format={p}"]
    lines = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    built_in = {re.sub(r"^(\S+) v(\S+).*", r"\1 \2", line) for line in lines if line}
    built_in.discard(f"{PACKAGE['name']} {PACKAGE['version']}")
    assert len(built_in) > 100
    assert built_in <= listed, sorted(built_in - listed)


def test_every_component_has_a_licence_and_a_place_and_no_path_of_this_machine():
    for component in sbom()["components"]:
        assert component.get("licenses"), component["name"]
        assert component["purl"].startswith("pkg:cargo/"), component["name"]
    assert str(ROOT) not in json.dumps(sbom())


def test_the_same_commit_makes_the_same_files():
    again = folder() / "again"
    script("release-artifacts", again)
    assert (again / "SHA256SUMS").read_text() == (release() / "SHA256SUMS").read_text()
