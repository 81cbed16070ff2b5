package ipc

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

func (l *Limits) supported() error { return nil }

// limitMemory bounds the private memory of this process to n bytes more than
// it has mapped now, and some for the runtime. A limit of address space
// (RLIMIT_AS) would not do: Go reserves far more than it uses.
func limitMemory(n int64) error {
	mapped := mappedData()
	if mapped == 0 {
		mapped = 64 << 20 // no /proc; more than Go starts with
	}
	limit, err := below(syscall.RLIMIT_DATA, uint64(mapped+n+n/8+32<<20))
	if err != nil {
		return err
	}
	return setrlimit(syscall.RLIMIT_DATA, limit, limit)
}

// setNice sets the nice value of all threads: on Linux each has its own.
func setNice(n int) error {
	return eachThread(func(tid int) error {
		return os.NewSyscallError("setpriority", syscall.Setpriority(syscall.PRIO_PROCESS, tid, n))
	})
}

// setCPUs ties all threads to the CPUs, and has the runtime count them anew.
func setCPUs(cpus []int) error {
	var want [maxCPU / 64]uint64
	for _, n := range cpus {
		want[n/64] |= 1 << (n % 64)
	}
	err := eachThread(func(tid int) error {
		return affinity(syscall.SYS_SCHED_SETAFFINITY, tid, &want)
	})
	if err != nil {
		return err
	}
	// The system leaves out those that are not there.
	var got [maxCPU / 64]uint64
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, 0, &got); err != nil {
		return err
	}
	for _, n := range cpus {
		if got[n/64]&(1<<(n%64)) == 0 {
			return fmt.Errorf("there is no CPU %d for this process", n)
		}
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
	}
	return nil
}

func affinity(trap uintptr, tid int, mask *[maxCPU / 64]uint64) error {
	_, _, errno := syscall.RawSyscall(trap, uintptr(tid), unsafe.Sizeof(*mask), uintptr(unsafe.Pointer(mask)))
	if errno != 0 {
		return os.NewSyscallError("sched_affinity", errno)
	}
	return nil
}

// eachThread calls f for every thread of this process. A new one has what the
// thread has that made it, so there are none left when none is new.
func eachThread(f func(tid int) error) error {
	done := map[string]bool{}
	for more := true; more; {
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			if done[t.Name()] {
				continue
			}
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if err := f(tid); err != nil && !isGone(err) {
				return err
			}
			done[t.Name()], more = true, true
		}
	}
	return nil
}

// isGone tells the error of a thread that has ended meanwhile.
func isGone(err error) bool {
	e, ok := err.(*os.SyscallError)
	return ok && e.Err == syscall.ESRCH
}
