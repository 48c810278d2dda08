"""Parses the page on the input with prometheus_client, as "openmetrics" or as "text"; prints how many samples it has."""

import sys

from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics

families = {"openmetrics": openmetrics, "text": text}[sys.argv[1]].text_fd_to_metric_families(sys.stdin)
print(sum(len(family.samples) for family in families))
