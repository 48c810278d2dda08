"""Drives a simulated Losant with the client that Losant publishes for Python.

Reads one JSON object from standard input: where the simulator is, whom to ask for, and what is true of them. Calls all
26 actions of instances, orgs and sandboxes, rightly and wrongly, and fails on the first answer that is not the truth.
"""

import csv
import http.server
import io
import json
import queue
import signal
import sys
import threading
import urllib.request

from losant_rest import Client, LosantError

NOBODY = "0123456789abcdef01234567"

# Nothing takes this long; a test that hangs is ended from within.
signal.alarm(50)

told = json.load(sys.stdin)
client = Client(auth_token=told["token"], url=told["url"])
instance = {"instanceId": told["instance"]}
org = {**instance, "orgId": told["org"]}
sandbox = {**instance, "instanceSandboxId": told["sandbox"]}
checks = 0


def same(what, shown, expected):
    global checks
    checks += 1
    if shown != expected:
        sys.exit(f"{what}: shown {shown!r}, true {expected!r}")


def refused(status, kind, beginning, call, /, **params):
    """The call must fail with this status and type, and a message that begins so."""
    try:
        answer = call(**params)
    except LosantError as error:
        same(f"status of {params}", error.args[0], status)
        body = error.args[1]
        same(f"type of {params}", body["type"], kind)
        same(f"message of {params}", body["message"][: len(beginning)], beginning)
    else:
        sys.exit(f"accepted: {params}: {answer}")


def bare(body):
    """A body without what is in it only for the sake of links."""
    return {key: value for key, value in body.items() if key not in ("_type", "_links", "_etag")}


def total(body, key):
    return sum(row[key] for row in body["counts"])


def counts():
    """The four counts of an instance, an org and a sandbox."""
    spans = {"start": told["start"], "end": told["end"]}
    levels = [
        (client.instance, instance, "instance", "Instance"),
        (client.instance_org, org, "org", "Organization"),
        (client.instance_sandbox, sandbox, "sandbox", "Sandbox"),
    ]
    for resource, ids, level, title in levels:
        truth = told["truth"][level]
        same(level, bare(resource.payload_counts(**ids, **spans)), truth["payloads"])
        same(level, bare(resource.payload_counts(**ids, **spans, asBytes=True)), truth["bytes"])
        same(level, bare(resource.payload_counts(**ids, **spans, asBytes=False)), truth["payloads"])
        for resolution in (None, 86400000, "3600000"):
            wanted = {**ids, **spans} if resolution is None else {**ids, **spans, "resolution": resolution}
            for non_billable, key in ((False, "billable"), (True, "all")):
                body = resource.payload_counts_breakdown(**wanted, includeNonBillable=non_billable)
                same(f"{level} {key}", total(body, "value"), truth[key])
            body = resource.payload_counts_breakdown(**wanted, asBytes=True, includeNonBillable=True)
            same(f"{level} bytes", total(body, "value"), truth["allBytes"])
        same(f"{level} range", body["start"], told["startDate"])
        same(f"{level} hours", len(body["counts"]), told["hours"])
        devices = resource.device_counts(**ids, **spans)
        same(f"{level} devices", bare(devices)["counts"], truth["devices"])
        notebooks = resource.notebook_minute_counts(**ids, **spans)
        same(f"{level} notebooks", bare(notebooks)["counts"], truth["notebooks"])

        for call in (
            resource.payload_counts,
            resource.payload_counts_breakdown,
            resource.device_counts,
            resource.notebook_minute_counts,
        ):
            refused(400, "Validation", "start must be", call, **ids, start="soon")
            refused(400, "Validation", "start must not be after", call, **ids, start=2000, end=1000)
            last = list(ids)[-1]
            refused(404, "NotFound", f"{title} was not found", call, **{**ids, last: NOBODY})
            refused(400, "Validation", f"{last} must be", call, **{**ids, last: "42"})
        refused(400, "Validation", "asBytes must be", resource.payload_counts, **ids, asBytes="maybe")
        breakdown = resource.payload_counts_breakdown
        refused(400, "Validation", "resolution must be", breakdown, **ids, resolution=60000)
        refused(400, "Validation", "includeNonBillable", breakdown, **ids, includeNonBillable="x")


def reads():
    """Single resources and lists."""
    listed = client.instances.get(filterField="name", filter="Acme*")
    same("instances", [item["id"] for item in listed["items"]], [told["instance"]])
    refused(400, "Validation", "sortField", client.instances.get, sortField="size")
    same("instance", client.instance.get(**instance)["id"], told["instance"])
    same("actions", "get" in client.instance.get(**instance, _actions=True)["_actions"], True)
    same("links", "_links" in client.instance.get(**instance, _links=False), False)
    refused(404, "NotFound", "Instance was", client.instance.get, instanceId=NOBODY)

    one = client.instance_org.get(**org, summaryInclude="payloadCount,deviceCount")
    same("org", one["name"], told["orgName"])
    same("summary", sorted(one["summary"]), ["deviceCount", "payloadCount"])
    same("payloads", one["summary"]["payloadCount"], told["truth"]["org"]["period"])
    refused(404, "NotFound", "Organization was", client.instance_org.get, **{**org, "orgId": NOBODY})

    seen, page = [], 0
    while True:
        body = client.instance_orgs.get(**instance, page=page, perPage=5, summaryInclude="payloadCount")
        seen += [item["id"] for item in body["items"]]
        page += 1
        if body["page"] * body["perPage"] + body["count"] >= body["totalCount"]:
            break
    same("orgs", seen, told["orgs"])
    same("pages", page, -(-len(seen) // 5))
    found = client.instance_orgs.get(**instance, query={"name": {"$eq": told["orgName"].upper(), "$ci": True}})
    same("found", [item["id"] for item in found["items"]], [told["org"]])
    tagged = {"$or": [{"tags": {"tier": "gold"}}, {"tags": {"$tagValue": "trial"}}]}
    found = client.instance_orgs.get(**instance, query=tagged, filterField="name", filter="nobody")
    same("tagged", sorted(item["id"] for item in found["items"]), sorted(told["tagged"]))
    refused(400, "Validation", "query.name.$like", client.instance_orgs.get, **instance, query={"name": {"$like": 1}})
    refused(400, "Validation", "perPage", client.instance_orgs.get, **instance, perPage=0)

    user = client.instance_sandbox.get(**sandbox, summaryExclude="flowCount")
    same("sandbox", user["email"], told["sandboxEmail"])
    same("excluded", "flowCount" in user["summary"], False)
    unknown = {**sandbox, "instanceSandboxId": NOBODY}
    refused(404, "NotFound", "Sandbox was", client.instance_sandbox.get, **unknown)
    for include_deleted, key in ((False, "sandboxes"), (True, "allSandboxes")):
        seen, cursor = [], {}
        while True:
            body = client.instance_sandboxes.get(
                **instance, limit=3, includeDeleted=include_deleted, sortField="id", **cursor
            )
            seen += [item["id"] for item in body["items"]]
            cursor = {"startingAfterId": seen[-1]}
            if not body["hasMore"]:
                break
        same(key, seen, told[key])
    refused(400, "Validation", "startingAfterId", client.instance_sandboxes.get, **instance, startingAfterId="x")


def history():
    """Monthly rows, of the running and of the last month."""
    for month, rows in told["months"].items():
        for kind in ("application", "organization"):
            shown, page = {}, 0
            while True:
                body = client.instance.historical_summaries(
                    **instance, month=month, page=page, perPage=10, filterField="resourceType", filter=kind
                )
                for row in body["items"]:
                    shown[row["resourceId"]] = [
                        row["payloadBillableCount"],
                        row["payloadNonbillableCount"],
                        row["payloadBillableSizeMb"],
                        row["deviceCount"],
                        row["notebookRunCount"],
                        row["notebookMinutesCount"],
                    ]
                page += 1
                if body["count"] == 0:
                    break
            same(f"{kind} rows", shown, rows[kind])
    wrong = {**instance, "filterField": "name"}
    refused(400, "Validation", "filterField", client.instance.historical_summaries, **wrong)


def writes():
    """What is written is read again."""
    reader = Client(auth_token=told["reader"], url=told["url"])
    refused(403, "Forbidden", "Forbidden", reader.instance_org.delete, **org)
    refused(403, "Forbidden", "Forbidden", reader.instance_orgs.post, **instance, orgConfig={"name": "x"})
    nobody = Client(auth_token="nobody", url=told["url"])
    refused(401, "Unauthorized", "Unauthorized", nobody.instance.get, **instance)

    plan = {"mfaMode": "required", "reportConfigs": [{"cron": "0 4 1 * *", "periods": 2}]}
    same("patched", client.instance.patch(**instance, instance=plan)["mfaMode"], "required")
    same("plan", client.instance.get(**instance)["reportConfigs"][0]["periods"], 2)
    refused(400, "Validation", "name is not", client.instance.patch, **instance, instance={"name": "x"})
    refused(400, "Validation", "body is required", client.instance.patch, **instance)

    config = {"name": "Made in Python", "limits": {"member": 500}, "tags": [{"key": "k", "value": "v"}]}
    made = client.instance_orgs.post(**instance, orgConfig=config, summaryInclude="memberCount")
    mine = {**instance, "orgId": made["orgId"]}
    same("made", client.instance_org.get(**mine)["tags"], config["tags"])
    refused(400, "Validation", "name is required", client.instance_orgs.post, **instance, orgConfig={})
    refused(400, "Validation", "size is not", client.instance_orgs.post, **instance, orgConfig={**config, "size": 1})
    patched = client.instance_org.patch(**mine, organization={"isReadOnly": True}, summaryInclude="appCount")
    same("read only", (patched["isReadOnly"], list(patched["summary"])), (True, ["appCount"]))
    wrong = {**mine, "organization": {"limits": {"member": -1}}}
    refused(400, "Validation", "limits.member must be", client.instance_org.patch, **wrong)
    same("deleted", bare(client.instance_org.delete(**mine)), {"success": True})
    refused(404, "NotFound", "Organization was", client.instance_org.get, **mine)
    refused(404, "NotFound", "Organization was", client.instance_org.delete, **mine)

    same("marked", bare(client.instance_sandbox.delete(**sandbox)), {"success": True})
    listed = client.instance_sandboxes.get(**instance)
    same("gone", told["sandbox"] in [item["id"] for item in listed["items"]], False)
    back = client.instance_sandbox.undelete(**sandbox, summaryInclude="payloadCount")
    same("back", (back["id"], list(back["summary"])), (told["sandbox"], ["payloadCount"]))
    same("unmarked", "permanentDeletion" in client.instance_sandbox.get(**sandbox), False)
    unknown = {**sandbox, "instanceSandboxId": NOBODY}
    refused(404, "NotFound", "Sandbox was", client.instance_sandbox.undelete, **unknown)
    refused(404, "NotFound", "Sandbox was", client.instance_sandbox.delete, **unknown)


def report():
    """A report, told to a server of our own."""
    arrived = queue.Queue()

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            arrived.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = {
        "callbackUrl": f"http://127.0.0.1:{server.server_port}/report",
        "resourceGroupBy": "organization",
        "dateGroupBy": "month",
        "start": told["reportStart"],
        "end": told["reportEnd"],
    }
    refused(400, "Validation", "format is not", client.instance.generate_report, **instance, options={"format": 1})
    job = client.instance.generate_report(**instance, options=options)
    same("queued", (job["success"], job["jobQueued"], len(job["jobId"]) <= 21), (True, True, True))
    refused(429, "TooManyRequests", "Over rate limit", client.instance.generate_report, **instance, options=options)
    body = arrived.get(timeout=30)
    same("job", body["jobId"], job["jobId"])
    with urllib.request.urlopen(body["reportUrl"], timeout=20) as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode())))
    shown = {row["resourceId"]: int(row["payloadBillableCount"]) for row in rows}
    same("report", {key: shown[key] for key in told["report"]}, told["report"])
    server.shutdown()


reads()
counts()
history()
writes()
report()
print(json.dumps({"checks": checks}))
