package ipc

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Limits is what a [Process] may use of the machine. The zero value of a field
// is no limit, beyond those of the parent, which the child has too. The child
// sets them for itself before its target runs, and its own children, and
// programs that it runs, start with the same limits, each for itself. What the
// numbers alone rule out is an error of Start, as is a limit that this system
// can't set (errors.ErrUnsupported); what only the child can find out, such as
// a missing right, ends it with an [ExitError] whose Cause is CauseStart.
//
// The standard error of a process with limits goes through the parent, which
// reads from it why the process ended. One that outlives its parent dies of
// writing to it (SIGPIPE).
type Limits struct {
	// Memory is how many bytes of memory of its own the process may have: its
	// heap and stacks, but neither the shared objects of this package nor the
	// files that it maps. At least 16 MiB. The collector works harder as the
	// limit comes near (GOMEMLIMIT). Whatever would go far beyond it at once,
	// by more than an eighth and 32 MiB, is refused by the system, and of that
	// a Go program dies; and the parent looks every 50 milliseconds and kills
	// a child that is above the limit by more than a sixteenth and 4 MiB; not
	// what the child itself has started. Where there is no /proc nobody looks,
	// and only the first of these holds. What the race detector needs counts
	// too. The cause is CauseMemory. Linux only.
	Memory int64

	// CPU is how much processor time all threads of the process may use
	// together, in full seconds, rounded up. It is killed then; the cause is
	// CauseCPU. It is not the time that passes: see Process.Timeout.
	CPU time.Duration

	// Files is how many descriptors the process may have, with the 0 to 2 of
	// every process, some six for this package, and those that come with its
	// arguments. More are an error in the child, EMFILE, which ends nobody.
	Files int

	// Nice is the priority, from 1 to 19, where 19 is the lowest; from -1 to
	// -20 for a higher one than usual, which needs the right to it.
	Nice int

	// CPUs are the numbers of the processors that the process may run on. It
	// is an error if one of them is not there, or not ours to use. Linux only.
	CPUs []int

	// Procs is the GOMAXPROCS of the process: how many of its threads run Go
	// code at a time. 0 leaves it to the environment and to the Go runtime,
	// which knows about CPUs.
	Procs int
}

const (
	minMemory = 16 << 20
	maxCPU    = 1 << 13 // a number of a processor is below
)

// any reports whether there is a limit at all.
func (l *Limits) any() bool {
	return l.Memory != 0 || l.CPU != 0 || l.Files != 0 || l.Nice != 0 || l.CPUs != nil || l.Procs != 0
}

// check gives the error of limits that can't work, in whatever child.
func (l *Limits) check() error {
	switch {
	case l.Memory < 0 || l.Memory > 0 && l.Memory < minMemory:
		return fmt.Errorf("limit of memory: %d bytes are less than %s", l.Memory, size(minMemory))
	case l.CPU < 0:
		return fmt.Errorf("limit of CPU time: %v is negative", l.CPU)
	case l.Files < 0:
		return fmt.Errorf("limit of files: %d is negative", l.Files)
	case l.Nice < -20 || l.Nice > 19:
		return fmt.Errorf("nice value: %d is not between -20 and 19", l.Nice)
	case l.CPUs != nil && len(l.CPUs) == 0:
		return errors.New("limit of CPUs: none is left")
	case l.Procs < 0:
		return fmt.Errorf("GOMAXPROCS: %d is negative", l.Procs)
	}
	for _, n := range l.CPUs {
		if n < 0 || n >= maxCPU {
			return fmt.Errorf("limit of CPUs: there is no CPU %d", n)
		}
	}
	return l.supported()
}

// environ is env with the limits that the Go runtime reads when it starts.
func (l *Limits) environ(env []string) []string {
	env = slices.Clip(env) // the caller's
	if l.Memory != 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(l.Memory, 10))
	}
	if l.Procs != 0 {
		env = append(env, "GOMAXPROCS="+strconv.Itoa(l.Procs))
	}
	return env
}

// apply sets the limits for this process, a child called name. The memory
// comes last: what is set up before is not counted.
func (l *Limits) apply(name string) error {
	if l.CPUs != nil {
		if err := setCPUs(l.CPUs); err != nil {
			return fmt.Errorf("limit of CPUs: %w", err)
		}
	}
	if l.Nice != 0 {
		if err := setNice(l.Nice); err != nil {
			return fmt.Errorf("nice value %d: %w", l.Nice, err)
		}
	}
	if l.CPU != 0 {
		if err := l.limitCPU(name); err != nil {
			return fmt.Errorf("limit of CPU time: %w", err)
		}
	}
	if l.Files != 0 {
		// Both: at its start the Go runtime has raised the soft limit to the hard one.
		if err := setrlimit(syscall.RLIMIT_NOFILE, uint64(l.Files), uint64(l.Files)); err != nil {
			return fmt.Errorf("limit of %d files: %w", l.Files, err)
		}
	}
	if l.Memory != 0 {
		if err := limitMemory(l.Memory); err != nil {
			return fmt.Errorf("limit of memory: %w", err)
		}
	}
	return nil
}

// limitCPU makes the system send SIGXCPU, which the Go runtime ignores, when
// the time is used up. Then the process says so and ends; if it can't, it is
// killed a second later.
func (l *Limits) limitCPU(name string) error {
	soft, err := below(syscall.RLIMIT_CPU, l.seconds())
	if err != nil {
		return err
	}
	hard, err := below(syscall.RLIMIT_CPU, l.seconds()+1)
	if err != nil {
		return err
	}
	used := make(chan os.Signal, 1)
	signal.Notify(used, syscall.SIGXCPU)
	go func() { // as long as the process
		<-used
		tell(name, &RemoteError{Msg: "its " + strconv.FormatUint(soft, 10) + " s of CPU time are used up"}, CauseCPU)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}()
	return setrlimit(syscall.RLIMIT_CPU, soft, hard)
}

// seconds is the limit of CPU time as the system counts it.
func (l *Limits) seconds() uint64 {
	return uint64((l.CPU + time.Second - 1) / time.Second)
}

// below is n, or the limit that this process has already if that is lower.
func below(resource int, n uint64) (uint64, error) {
	var has syscall.Rlimit
	if err := syscall.Getrlimit(resource, &has); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	return min(n, uint64(has.Max)), nil
}

func setrlimit(resource int, soft, hard uint64) error {
	var l syscall.Rlimit
	setField(&l.Cur, soft)
	setField(&l.Max, hard)
	return os.NewSyscallError("setrlimit", syscall.Setrlimit(resource, &l))
}

// setField sets a field that is signed on some systems.
func setField[T int64 | uint64](field *T, n uint64) { *field = T(n) }

// size is n bytes for people.
func size(n int64) string {
	if n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// memoryPeriod is how often the parent looks at the memory of a limited child.
const memoryPeriod = 50 * time.Millisecond

// slack is what a child may have above its limit of memory before the parent
// kills it: the runtime's own, and what the collector is about to give back.
func slack(limit int64) int64 { return limit/16 + 4<<20 }

// watchMemory kills the child when it has more memory than it may have. What
// it returns ends that and waits for it.
func (p *Process) watchMemory() (end func()) {
	limit := p.limits.Memory
	if limit == 0 {
		return func() {}
	}
	r := openResident(p.pid)
	if r == nil {
		return func() {}
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer r.close()
		tick := time.NewTicker(memoryPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if r.read() > limit+slack(limit) {
				p.endFor(CauseMemory)
				return
			}
		}
	}()
	return func() { close(ended); <-done }
}

// endFor kills the child and notes why.
func (p *Process) endFor(c Cause) {
	p.mu.Lock()
	if p.state == started {
		p.ending.asked = c
	}
	p.mu.Unlock()
	_ = p.Kill()
}
