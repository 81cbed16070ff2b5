"""Start a process, wait for it, start the next."""

import multiprocessing as mp


def myFunc(i):
    print(f"calling myFunc from process n°: {i}")
    for j in range(i + 1):  # range(i) would stop before i
        print(f"output from myFunc is :{j}")


# A child that is spawned, not forked, imports this file to find myFunc. The
# guard keeps it from running what follows. In Go, ipc.Main does that.
if __name__ == "__main__":
    for i in range(6):
        process = mp.Process(target=myFunc, args=(i,))
        process.start()
        process.join()
