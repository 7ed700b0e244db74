"""Runs a command, and ends it and all that it started when standard input closes.

Whoever holds the other end of that pipe may end in any way, a SIGKILL included: the system closes
the pipe, and nothing is left running.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 3

# Ctrl-C is for whoever holds the pipe.
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)


def signal_group(number):
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def end_with_the_pipe():
    while os.read(0, 4096):
        pass
    signal_group(signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        signal_group(signal.SIGKILL)


threading.Thread(target=end_with_the_pipe, daemon=True).start()
code = child.wait()
signal_group(signal.SIGKILL)
sys.exit(code if code >= 0 else 128 - code)
