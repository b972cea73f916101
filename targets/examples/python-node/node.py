"""One node of a small system: n1, the primary, keeps a counter and registers; the other nodes pass every request on to it.

It speaks the HTTP/JSON contract of targets/CONTRACT.md, with nothing but the standard library."""

import argparse
import http.client
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

# Break me: with True, n2 and n3 answer reads from what they saw last, and miss what others wrote. dsjepsen finds it.
LOCAL_READS = False

FORWARD_TIMEOUT_S = 0.8  # less than the second that a client waits


class Refused(Exception):
    """There is no result. `definite`: the request surely had no effect and never will have one."""

    def __init__(self, error, definite):
        super().__init__(error)
        self.error, self.definite = error, definite


class Store:
    """The state of the primary, and what it answered under each idempotency key. Every change is on disk before it is
    acknowledged: one line of JSON each, read again after a kill."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.count, self.registers, self.answers = 0, {}, {}
        self.log = open(path, "a+b")
        self.log.seek(0)
        whole = 0
        for line in self.log:
            if not line.endswith(b"\n"):
                break  # torn by a kill, never acknowledged
            self.apply(**json.loads(line))
            whole += len(line)
        self.log.truncate(whole)

    def apply(self, call, value):
        """Changes the state; the same changes in the same order give the same state and the same answers."""
        request = value["request"]
        if request in self.answers:
            return
        if call == "/counter/add":
            self.count += value["delta"]
            answer = {"value": self.count}
        elif call == "/register/write":
            self.registers[value["key"]] = value["value"]
            answer = {}
        else:
            swapped = self.registers.get(value["key"]) == value["from"]
            if swapped:
                self.registers[value["key"]] = value["to"]
            answer = {"swapped": swapped}
        self.answers[request] = answer

    def change(self, call, value):
        with self.lock:
            if value["request"] not in self.answers:
                self.log.write(json.dumps({"call": call, "value": value}).encode() + b"\n")
                self.log.flush()
                os.fsync(self.log.fileno())
                self.apply(call, value)
            return self.answers[value["request"]]

    def read(self, call, value):
        with self.lock:
            if call == "/counter/value":
                return {"value": self.count}
            return {"value": self.registers.get(int(value["key"]))}


# The calls that are offered, with what each needs.
READS = {"/counter/value": {}, "/register/read": {"key": str}}
CHANGES = {
    "/counter/add": {"delta": int, "request": str},
    "/register/write": {"key": int, "value": int, "request": str},
    "/register/compare-and-set": {"key": int, "from": int, "to": int, "request": str},
}


def fits(value, needed):
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in needed.items())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True
    node = primary = store = seen = body = None

    def do_GET(self):
        self.body = None
        url = urlsplit(self.path)
        self.answer(url.path, dict(parse_qsl(url.query)), READS)

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        self.answer(self.path, value, CHANGES)

    def answer(self, call, value, offered):
        try:
            if call == "/health":
                self.send(200, {})
            elif call == "/view" and offered is READS:
                self.send(200, {"node": self.node, "leader": "n1", "believes_leader": self.store is not None})
            elif call not in offered:
                raise Refused(f"unsupported: {call}", definite=True)
            elif not fits(value, offered[call]):
                raise Refused(f"bad-request: {call} needs {', '.join(offered[call])}", definite=True)
            else:
                self.send(200, self.serve(call, value))
        except Refused as refused:
            self.send(503, {"error": refused.error, "definite": refused.definite})

    def serve(self, call, value):
        if self.store and call in CHANGES:
            return self.store.change(call, value)
        if self.store:
            return self.store.read(call, value)
        if LOCAL_READS and self.path in self.seen:
            return self.seen[self.path]
        reply = self.pass_on()
        if call in READS:
            self.seen[self.path] = reply
        return reply

    def pass_on(self):
        """Has the primary answer. What a failure means depends on whether the request can have reached it."""
        connection = http.client.HTTPConnection(self.primary, timeout=FORWARD_TIMEOUT_S)
        try:
            connection.connect()
        except OSError as error:
            raise Refused(f"primary-unreachable: {error}", definite=True) from error
        try:
            connection.request(self.command, self.path, self.body)
            response = connection.getresponse()
            reply = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Refused(f"forward-broken: {error!r}", definite=False) from error
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(reply["error"], reply["definite"])
        return reply

    def send(self, status, reply):
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass  # one line a request would be too many


def main():
    parser = argparse.ArgumentParser()
    for name in ("--node", "--listen", "--primary", "--data"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    Handler.node, Handler.primary, Handler.seen = arguments.node, arguments.primary, {}
    if arguments.node == "n1":
        Handler.store = Store(os.path.join(arguments.data, "log.jsonl"))
    host, port = arguments.listen.rsplit(":", 1)
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    print(f"{arguments.node} listens on {arguments.listen}")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


main()
