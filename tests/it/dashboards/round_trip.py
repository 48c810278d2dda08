"""Reads dashboards as Grafana's own SDK understands them, writes them again, and prints what did not come back.

One line a field: its path with * for positions, without what it is. Dashboards are named as arguments.
"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(path, before, after):
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from differences(f"{path}.{key}", value, after[key])
            else:
                yield f"{path}.{key} is lost"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for old, new in zip(before, after):
            yield from differences(f"{path}.*", old, new)
    elif before != after:
        yield f"{path} has changed"


register_default_plugins()
found = set()
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        before = json.load(file)
    after = json.loads(JSONEncoder().encode(Dashboard.from_json(before)))
    found.update(differences("dashboard", before, after))
for line in sorted(found):
    print(line)
