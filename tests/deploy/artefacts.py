"""What is built once for all tests: the static binary and the image."""

import functools
import os
import subprocess
import tempfile
from pathlib import Path

from programs import need
from renders import ROOT, lack


@functools.cache
def folder() -> Path:
    """A folder for what is built, which goes with the run."""
    # The object has to live as long as the run.
    folder.made = tempfile.TemporaryDirectory(prefix="losant-exporter-")
    return Path(folder.made.name)


def script(name: str, *arguments: str | Path, **environment: str) -> str:
    """Runs a script of the project; what it printed last."""
    done = subprocess.run(
        [ROOT / "scripts" / name, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"scripts/{name}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip().splitlines()[-1]


@functools.cache
def static_binary() -> Path:
    """The binary that images and packages hold."""
    need("cargo")
    return ROOT / script("build-static")


@functools.cache
def image() -> tuple[Path, str]:
    """The image as an OCI archive, and its digest."""
    need("cargo", "buildah")
    archive = folder() / "image.tar"
    return archive, script("build-image", archive)


@functools.cache
def release() -> Path:
    """The folder with everything that a release consists of."""
    need("cargo", "buildah", "dpkg-deb")
    tools = ROOT / ".cache/deploy/cargo/bin"
    if not (tools / "cargo-deb").exists() or not (tools / "cargo-cyclonedx").exists():
        lack("missing: cargo-deb or cargo-cyclonedx (scripts/image-components installs them)")
    made = folder() / "dist"
    script("release-artifacts", made)
    return made


def deb() -> Path:
    """The Debian package."""
    (package,) = release().glob("*.deb")
    return package
