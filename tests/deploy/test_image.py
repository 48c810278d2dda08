"""The image: what is in it, how large it is, that it is the same each time, and that it starts."""

import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

from artefacts import image, script, static_binary
from programs import need
from renders import ROOT, lack

# What is fetched from a registry, and what it takes when unpacked.
MOST_BYTES = 15_000_000
MOST_UNPACKED_BYTES = 17_000_000


class Archive:
    """An OCI archive, read without any tool."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)
        index = json.loads(self._read("index.json"))
        self.digest = index["manifests"][0]["digest"]
        self.manifest = json.loads(self._blob(self.digest))
        self.config = json.loads(self._blob(self.manifest["config"]["digest"]))

    def _read(self, name: str) -> bytes:
        found = self._tar.extractfile(name)
        assert found is not None, name
        return found.read()

    def _blob(self, digest: str) -> bytes:
        return self._read("blobs/" + digest.replace(":", "/"))

    def files(self) -> dict[str, tarfile.TarInfo]:
        """All files of all layers."""
        files: dict[str, tarfile.TarInfo] = {}
        for layer in self.manifest["layers"]:
            opened = self._tar.extractfile("blobs/" + layer["digest"].replace(":", "/"))
            with tarfile.open(fileobj=opened, mode="r:*") as tar:
                files |= {member.name.strip("/"): member for member in tar}
        return files


def test_the_binary_needs_nothing_of_the_machine_and_tells_nothing_of_it():
    binary = static_binary()
    need("readelf")
    headers = subprocess.run(["readelf", "--wide", "--program-headers", binary], capture_output=True, text=True, check=True)
    assert "INTERP" not in headers.stdout, "it wants a dynamic loader"
    told = binary.read_bytes()
    for path in (str(ROOT), str(Path.home()) + "/.cargo"):
        assert path.encode() not in told, f"{path} stands in the binary"
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.split()[0] == "losant-exporter"


def test_the_image_holds_the_binary_certificates_and_names_and_is_small():
    archive = Archive(image()[0])
    files = {name: member for name, member in archive.files().items() if member.isfile()}
    assert sorted(files) == [
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/losant-exporter",
        "usr/share/doc/losant-exporter/LICENSE",
        "usr/share/doc/losant-exporter/third-party-licences.txt",
    ]
    assert files["usr/bin/losant-exporter"].mode & 0o7777 == 0o755
    for name, member in files.items():
        assert (member.uid, member.mode & 0o022) == (0, 0), f"{name} can be changed by somebody"
    sent = sum(layer["size"] for layer in archive.manifest["layers"])
    unpacked = sum(member.size for member in files.values())
    print(f"{sent} bytes are sent, {unpacked} unpacked")
    assert sent < MOST_BYTES and unpacked < MOST_UNPACKED_BYTES


def test_it_runs_as_nobody_listens_where_it_can_be_reached_and_says_what_it_is():
    archive = Archive(image()[0])
    config = archive.config["config"]
    assert config["User"] == "65532:65532"
    assert config["ExposedPorts"] == {"10066/tcp": {}}
    assert config["Entrypoint"] == ["/usr/bin/losant-exporter"]
    # What the unit says of memory holds here as well.
    (environment,) = re.findall(r"^Environment=(.*)$", (ROOT / "deploy/systemd/losant-exporter.service").read_text(), re.MULTILINE)
    assert environment.startswith("MIMALLOC_") and environment in config["Env"]
    assert config["Cmd"] == ["serve", "--web.listen-address=:10066"]
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["title"] == package["name"]
    assert labels["version"] == package["version"]
    assert labels["licenses"] == package["license"]
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])
    assert labels["created"] == archive.config["created"]
    for key in ("description", "url", "source", "documentation"):
        assert labels[key], key


def test_the_same_sources_make_the_same_image(tmp_path):
    archive, digest = image()
    again = script("build-image", tmp_path / "again.tar")
    assert again == digest == Archive(archive).digest


def test_hadolint_has_nothing_to_say():
    hadolint = ROOT / ".cache/deploy/python/bin/hadolint"
    if not hadolint.exists():
        lack("missing: hadolint (scripts/deploy-components installs it)")
    done = subprocess.run(
        [hadolint, "--no-color", "--failure-threshold", "info", "deploy/docker/Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_hadolint_would_say_something(tmp_path):
    hadolint = ROOT / ".cache/deploy/python/bin/hadolint"
    if not hadolint.exists():
        lack("missing: hadolint (scripts/deploy-components installs it)")
    planted = tmp_path / "Dockerfile"
    planted.write_text((ROOT / "deploy/docker/Dockerfile").read_text().replace("FROM scratch", "FROM debian:latest"))
    done = subprocess.run([hadolint, "--no-color", planted], capture_output=True, text=True)
    assert done.returncode != 0 and "DL3007" in done.stdout, done.stdout
