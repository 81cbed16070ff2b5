"""Set the daemon attribute on one of two processes: it is cut off."""

import atexit
import multiprocessing as mp
import os
import time

# The unit of every pause, in seconds: "200ms" is 200e-3, "1s" is 1.
STEP = os.getenv("MPBOX_STEP", "200ms")
STEP = float(STEP.replace("ms", "e-3").rstrip("s"))


def foo(numbers, say_two=None):
    """Prints the numbers, one a step, if it is let."""
    me = mp.current_process()
    print("Starting", me.name, flush=True)
    for i in numbers:
        # What a daemon has not flushed is lost when it is cut off.
        print("--->", i, flush=True)
        if say_two and i == 1:
            say_two.send(True)
        time.sleep(STEP)
    print("Exiting", me.name, flush=True)
    print(f"{attribute(me)}, came to its end", flush=True)


def attribute(process):
    return f"{process.name}: daemon={'true' if process.daemon else 'false'}"


def tell_fate(process):
    if process.exitcode != 0:
        print(f"{attribute(process)}, cut off, exit code {process.exitcode}")


if __name__ == "__main__":
    # What is registered first is called last: after multiprocessing's own
    # function, which terminates the daemons and joins the others. In Go it is
    # told at once; in Python an exit code is not for two threads to wait for.
    atexit.register(lambda: tell_fate(background))

    two, say_two = mp.Pipe(duplex=False)
    background = mp.Process(
        name="background_process", target=foo, args=(range(5), say_two)
    )
    background.daemon = True
    other = mp.Process(
        name="NO_background_process", target=foo, args=(range(5, 10),)
    )

    print(attribute(background), flush=True)
    background.start()
    say_two.close()  # if the background process dies, recv raises EOFError
    time.sleep(0.5 * STEP)  # half a step apart, their lines come in one order
    print(attribute(other), flush=True)
    other.start()

    two.recv()
    time.sleep(0.75 * STEP)
    print("The main program ends here", flush=True)
