"""Run a function of another module in processes side by side."""

import multiprocessing as mp

from myfunc import myFunc  # mpbox source --python myfunc > myfunc.py

if __name__ == "__main__":
    processes = []
    for i in range(6):
        process = mp.Process(target=myFunc, args=(i,))
        process.start()
        processes.append(process)
    for process in processes:  # not before the last has been started
        process.join()
