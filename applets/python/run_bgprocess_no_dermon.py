"""Run two processes without the daemon attribute: both finish."""

import multiprocessing as mp
import os
import time

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def foo(numbers):
    """Prints the numbers, one a step."""
    name = mp.current_process().name
    print("Starting", name, flush=True)
    for i in numbers:
        print("--->", i, flush=True)
        time.sleep(STEP)
    print("Exiting", name, flush=True)


if __name__ == "__main__":
    background = mp.Process(
        name="background_process", target=foo, args=(range(5),)
    )
    other = mp.Process(
        name="NO_background_process", target=foo, args=(range(5, 10),)
    )
    background.daemon = False  # as it is anyway
    other.daemon = False

    background.start()
    time.sleep(0.5 * STEP)  # half a step apart, their lines come in one order
    other.start()
    print("The main program ends here, and waits for both", flush=True)
    # Nobody calls join: multiprocessing does, when the interpreter exits.
