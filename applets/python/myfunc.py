"""The helper function of the others: python3 myfunc.py 3"""

import argparse


def myFunc(i):
    print(f"calling myFunc from process n°: {i}")
    for j in range(i + 1):  # range(i) would stop before i
        print(f"output from myFunc is :{j}")


# Not for who imports this file, as spawning_process_namespace does.
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("i", type=int, help="the last number")
    myFunc(parser.parse_args().i)
