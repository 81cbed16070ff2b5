"""Terminate a process, and look at its state before and after."""

import multiprocessing as mp
import time


def foo():
    time.sleep(10)  # long enough to be terminated


if __name__ == "__main__":
    p = mp.Process(target=foo)
    print("Process before execution:", p, p.is_alive())
    p.start()
    print("Process running:", p, p.is_alive())
    p.terminate()
    # A signal takes its time: this may say started and True, or not.
    print("Process terminated:", p, p.is_alive())
    p.join()
    print("Process joined:", p, p.is_alive())
    print("Process exit code:", p.exitcode)
