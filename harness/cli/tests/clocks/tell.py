"""Tells the time, again and again: "now" and ns since 1970."""
import time

print("node is ready", flush=True)
while True:
    print("now", time.time_ns(), flush=True)
    time.sleep(0.005)
