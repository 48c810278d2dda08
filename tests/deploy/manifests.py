"""Rendered manifests, and what a kubelet would make of them for a process."""

from pathlib import Path

from renders import named, of_kind


def rendered(overlay: str) -> str:
    """An overlay as `kubectl kustomize` renders it."""
    return named(f"kustomize-{overlay}").text()


def objects(overlay: str, kind: str) -> list[dict]:
    """All objects of a kind in an overlay."""
    return of_kind(named(f"kustomize-{overlay}").objects(), kind)


def only(overlay: str, kind: str, name: str | None = None) -> dict:
    """The one object of a kind, or that of a name."""
    found = [one for one in objects(overlay, kind) if name is None or one["metadata"]["name"] == name]
    assert len(found) == 1, f"{overlay}: {kind} {name}: {len(found)}"
    return found[0]


class Pod:
    """A pod of a StatefulSet as a process of this machine: its arguments, its environment and its files."""

    def __init__(self, overlay: str, ordinal: int) -> None:
        self._overlay = overlay
        stateful_set = only(overlay, "StatefulSet")
        self.name = f"{stateful_set['metadata']['name']}-{ordinal}"
        self._spec = stateful_set["spec"]["template"]["spec"]
        (self._container,) = self._spec["containers"]
        self.arguments: list[str] = [*self._container.get("command", []), *self._container["args"]]

    def environment(self) -> dict[str, str]:
        """The environment, with what the pod says of itself filled in."""
        environment = {}
        for variable in self._container.get("env", []):
            value = variable.get("value")
            if value is None:
                assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}, variable
                value = self.name
            environment[variable["name"]] = value
        return environment

    def config(self) -> tuple[str, str]:
        """The path of the configuration file in the pod, and what it holds."""
        for mount in self._container["volumeMounts"]:
            volume = next(volume for volume in self._spec["volumes"] if volume["name"] == mount["name"])
            if "configMap" in volume:
                data = only(self._overlay, "ConfigMap", volume["configMap"]["name"])["data"]
                return str(Path(mount["mountPath"]) / "config.toml"), data["config.toml"]
        raise AssertionError("no ConfigMap is mounted")


def shards(overlay: str) -> int:
    """How many pods the StatefulSet has."""
    return only(overlay, "StatefulSet")["spec"]["replicas"]
