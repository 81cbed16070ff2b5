package ipc_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// threads is what the threads of a process may do: their lines of
// /proc/PID/status about CPUs, and their nice values.
type threads struct {
	CPUs  map[string]int
	Nice  map[int]int
	Procs int
}

// sendThreads looks after new threads were made, on which goroutines stand.
func sendThreads(ctx context.Context, s *ipc.Sender[threads]) error {
	var ready, done sync.WaitGroup
	leave := make(chan bool)
	for range 4 {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			ready.Done()
			<-leave
		})
	}
	ready.Wait()
	defer done.Wait()
	defer close(leave)
	all := threads{CPUs: map[string]int{}, Nice: map[int]int{}, Procs: runtime.GOMAXPROCS(0)}
	tasks, _ := filepath.Glob("/proc/self/task/*")
	for _, task := range tasks {
		status, _ := os.ReadFile(filepath.Join(task, "status"))
		_, after, _ := strings.Cut(string(status), "Cpus_allowed_list:\t")
		cpus, _, _ := strings.Cut(after, "\n")
		all.CPUs[cpus]++
		tid, _ := strconv.Atoi(filepath.Base(task))
		n, err := syscall.Getpriority(syscall.PRIO_PROCESS, tid)
		if err != nil {
			return err
		}
		all.Nice[20-n]++ // as the system call has it
	}
	return s.Send(ctx, all)
}

var threadsTarget = ipc.NewTarget(sendThreads)

func TestLimitCPUs(t *testing.T) {
	ctx := guard(t)
	allowed := allowedCPUs(t)
	r, s := channel[threads](t)
	last := allowed[len(allowed)-1]
	p := ipc.NewProcess(threadsTarget, s)
	p.Limits.CPUs = []int{last}
	start(t, p)
	got := ok(r.Recv(ctx))(t)
	if len(got.CPUs) != 1 || got.CPUs[strconv.Itoa(last)] < 5 || got.Procs != 1 {
		t.Errorf("threads on %v, GOMAXPROCS %d; want at least 5, all on %d alone, and 1", got.CPUs, got.Procs, last)
	}
	join(t, p)
}

// allowedCPUs lists the CPUs that this process may use.
func allowedCPUs(t *testing.T) (cpus []int) {
	t.Helper()
	status := ok(os.ReadFile("/proc/self/status"))(t)
	_, after, _ := strings.Cut(string(status), "Cpus_allowed_list:\t")
	list, _, _ := strings.Cut(after, "\n")
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		for n := ok(strconv.Atoi(from))(t); n <= ok(strconv.Atoi(to))(t); n++ {
			cpus = append(cpus, n)
		}
	}
	return cpus
}

// TestLimitImpossible is about limits that the child finds to be so.
func TestLimitImpossible(t *testing.T) {
	ctx := guard(t)
	for _, tc := range []struct {
		name   string
		limits ipc.Limits
	}{
		{"no such CPU", ipc.Limits{CPUs: []int{8191}}},
		{"one is there", ipc.Limits{CPUs: []int{allowedCPUs(t)[0], 8191}}},
		{"too many files", ipc.Limits{Files: 1<<31 - 1}}, // above fs.nr_open
	} {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		p.Limits = tc.limits
		e := ends(ctx, t, p)
		if e.Cause != ipc.CauseStart || e.Code != 1 || e.Err == nil {
			t.Errorf("%s: %v, cause %v; want %v, with an error", tc.name, e, e.Cause, ipc.CauseStart)
		}
	}
}

func TestLimitNice(t *testing.T) {
	ctx := guard(t)
	r, s := channel[threads](t)
	nice := func(n int) *ipc.Process {
		p := ipc.NewProcess(threadsTarget, s)
		p.Limits.Nice = n
		return p
	}
	p := nice(7)
	start(t, p)
	if got := ok(r.Recv(ctx))(t); len(got.Nice) != 1 || got.Nice[7] < 5 {
		t.Errorf("nice values of the threads: %v; want 7 for all", got.Nice)
	}
	join(t, p)
	p = nice(-5)
	if mayRaise() {
		start(t, p)
		if got := ok(r.Recv(ctx))(t); len(got.Nice) != 1 || got.Nice[-5] < 5 {
			t.Errorf("nice values of the threads: %v; want -5 for all", got.Nice)
		}
		join(t, p)
		return
	}
	if e := ends(ctx, t, p); e.Cause != ipc.CauseStart || !strings.Contains(e.Error(), "nice value -5") {
		t.Errorf("without the right to it: %v, cause %v; want %v", e, e.Cause, ipc.CauseStart)
	}
}

// mayRaise reports whether the system lets this process have a higher priority.
func mayRaise() bool {
	b, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(b), "CapEff:\t")
	set, _, _ := strings.Cut(after, "\n")
	caps, _ := strconv.ParseUint(set, 16, 64)
	const sysNice = 23
	return caps&(1<<sysNice) != 0
}

// TestLimitsMeet has all of them at once, for as long as a child takes.
func TestLimitsMeet(t *testing.T) {
	ctx := guard(t)
	p := ipc.NewProcess(noopTarget, ipc.None{})
	p.Limits = ipc.Limits{Memory: 1 << 30, CPU: time.Hour, Files: 64, Nice: 1, CPUs: allowedCPUs(t), Procs: 2}
	start(t, p)
	if err := p.Join(ctx); err != nil {
		t.Errorf("Join() = %v", err)
	}
}
