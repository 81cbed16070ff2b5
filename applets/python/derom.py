"""See a daemon end with the main program, and another process finish."""

import itertools
import multiprocessing as mp
import os
import time

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def heartbeat(begun):
    # It never returns by itself. If the main program is killed, nobody ends
    # it. In Go a daemon ends with its parent, whatever ended that.
    print("Starting daemon process", flush=True)
    print("daemon: heartbeat 1", flush=True)
    begun.wait()
    for beat in itertools.count(2):
        time.sleep(STEP)
        print(f"daemon: heartbeat {beat}", flush=True)


def work(begun):
    print("Starting non-daemon process", flush=True)
    begun.wait()
    for part in range(1, 7):
        time.sleep(STEP)
        print(f"non-daemon: part {part} of 6 is done", flush=True)
    print("Exiting non-daemon process", flush=True)


if __name__ == "__main__":
    # All three meet, however long the machine takes to start two of them.
    # With no time limit they would wait for ever for one that has died.
    begun = mp.Barrier(3, timeout=60)
    daemon = mp.Process(target=heartbeat, args=(begun,), daemon=True)
    worker = mp.Process(target=work, args=(begun,))
    daemon.start()
    worker.start()
    begun.wait()
    time.sleep(2.5 * STEP)
    print("The main program ends here", flush=True)
    # Now multiprocessing terminates the daemon, and then joins the other.
