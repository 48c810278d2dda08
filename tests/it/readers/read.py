"""Reads a page with one of Python's HTTP clients: its body goes to the output, its Content-Encoding to the errors."""

import sys


def by_requests(url, accept):
    import requests

    answer = requests.get(url, headers={"Accept": accept}, timeout=60)
    answer.raise_for_status()
    return answer.headers, answer.content


def by_httpx(url, accept):
    import httpx

    answer = httpx.get(url, headers={"Accept": accept}, timeout=60)
    answer.raise_for_status()
    return answer.headers, answer.content


def by_gzip(url, accept):
    import gzip
    import urllib.request

    request = urllib.request.Request(url, headers={"Accept": accept, "Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, gzip.GzipFile(fileobj=answer).read()


client, url, accept = sys.argv[1:]
headers, body = {"requests": by_requests, "httpx": by_httpx, "gzip": by_gzip}[client](url, accept)
sys.stdout.buffer.write(body)
print(headers.get("Content-Encoding"), file=sys.stderr)
