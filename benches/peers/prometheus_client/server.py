"""A peer of the bench `scrape`: the series of a page in a Gauge for each family, served by prometheus_client's own server.

Usage: server.py PAGE, where PAGE holds Prometheus text. Says where it listens once it has read it.
"""

import sys

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.parser import text_fd_to_metric_families


def load(registry, path):
    with open(path, encoding="utf-8") as page:
        for family in text_fd_to_metric_families(page):
            names = list(family.samples[0].labels)
            gauge = Gauge(family.name, family.documentation, names, registry=registry)
            for sample in family.samples:
                child = gauge.labels(**sample.labels) if names else gauge
                child.set(sample.value)


def main():
    registry = CollectorRegistry()
    load(registry, sys.argv[1])
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    print(f"listening 127.0.0.1:{server.server_port}", flush=True)
    thread.join()


if __name__ == "__main__":
    main()
