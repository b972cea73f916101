"""A client of Redis for dsjepsen: reads operations as JSON lines on standard input, and writes what came of each on standard
output. It speaks Redis's own protocol over a socket, with nothing but the standard library.

Redis knows no idempotency keys, so each change is a script that remembers its answer under the key: a script runs as a whole
or not at all."""

import json
import socket
import sys
import time

# KEYS: where the answer is remembered, and what is changed. The answer is kept for an hour.
REMEMBER = """
local known = redis.call('GET', KEYS[1])
if known then return known end
local answer
%s
redis.call('SET', KEYS[1], answer, 'EX', 3600)
return answer
"""
ADD = REMEMBER % "answer = string.format('%.0f', redis.call('INCRBY', KEYS[2], ARGV[1]))"
WRITE = REMEMBER % "redis.call('SET', KEYS[2], ARGV[1]) answer = 'written'"
COMPARE_AND_SET = REMEMBER % """
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[2])
  answer = 'yes'
else
  answer = 'no'
end"""


class Unsent(Exception):
    """Not a byte of the operation can have reached the server."""


class Refused(Exception):
    """The server answered that it did not do it."""


class Redis:
    def __init__(self, host, port):
        self.place, self.socket, self.replies = (host, port), None, None

    def command(self, *words, deadline):
        """Sends a command, and waits for its reply."""
        if self.socket is None:
            try:
                self.socket = socket.create_connection(self.place, timeout=left(deadline))
            except OSError as error:
                raise Unsent(f"refused: {error}") from error
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.replies = self.socket.makefile("rb")
        words = [str(word).encode() for word in words]
        message = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        try:
            self.socket.settimeout(left(deadline))
            self.socket.sendall(message)
            return self.reply()
        except OSError:
            # What arrives on this connection from now on would answer a command that was given up.
            self.close()
            raise

    def reply(self):
        line = self.replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$" and rest != b"-1":
            return self.replies.read(int(rest) + 2)[:-2].decode()
        return None if kind == b"$" else rest.decode()

    def close(self):
        if self.socket is not None:
            self.replies.close()
            self.socket.close()
        self.socket = None


def left(deadline):
    return max(deadline - time.monotonic(), 0.001)


def carry_out(redis, f, value, deadline):
    """The operation's result, in the words of the contract."""

    def changed(script, key, *arguments):
        return redis.command("EVAL", script, 2, "answer:" + value["request"], key, *arguments, deadline=deadline)

    if f == "hello":
        return {}
    if f == "add":
        return {"value": int(changed(ADD, "counter", value["delta"]))}
    if f == "count":
        return {"value": int(redis.command("GET", "counter", deadline=deadline) or 0)}
    if f == "read":
        found = redis.command("GET", f"register:{value['key']}", deadline=deadline)
        return {"value": None if found is None else int(found)}
    if f == "write":
        changed(WRITE, f"register:{value['key']}", value["value"])
        return {}
    if f == "compare-and-set":
        return {"swapped": changed(COMPARE_AND_SET, f"register:{value['key']}", value["from"], value["to"]) == "yes"}
    raise Unsent(f"unsupported: {f}")


def main():
    redis = Redis(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        operation = json.loads(line)
        answer = {"id": operation["id"]}
        deadline = time.monotonic() + operation["timeout_ms"] / 1000
        try:
            answer["ok"] = carry_out(redis, operation["f"], operation["value"], deadline)
        except (Unsent, Refused) as error:
            answer["fail"] = str(error)
        except OSError as error:
            answer["info"] = f"broken: {error!r}"
        print(json.dumps(answer), flush=True)


main()
