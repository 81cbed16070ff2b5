"""Give a process a name, and see the name that it gets without."""

import multiprocessing as mp
import os
import time

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def myFunc():
    name = mp.current_process().name
    # Without flush Python writes into a pipe or a file when the process ends.
    print("Starting process name =", name, flush=True)
    time.sleep(3 * STEP)
    print("Exiting process name =", name, flush=True)


if __name__ == "__main__":
    with_name = mp.Process(name="myFunc process", target=myFunc)
    with_default_name = mp.Process(target=myFunc)  # the second: Process-2

    with_name.start()
    time.sleep(STEP)  # so that the lines come in one order
    with_default_name.start()

    with_name.join()
    with_default_name.join()
