package ipc_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// busyLoop uses processor time without end; with deaf set it does not hear
// that its time is used up.
func busyLoop(_ context.Context, deaf bool) error {
	if deaf {
		signal.Reset(syscall.SIGXCPU)
	}
	for n := 0; ; n++ {
	}
}

// opened is how many files a process could open, and what ended that.
type opened struct {
	Files int
	Errno int
	Limit uint64
}

func openMany(ctx context.Context, s *ipc.Sender[opened]) error {
	var o opened
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
		if errno, failed := err.(syscall.Errno); failed {
			o.Errno = int(errno)
			break
		}
		defer syscall.Close(fd)
		o.Files++
	}
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	o.Limit = uint64(l.Max)
	return s.Send(ctx, o)
}

func sendProcs(ctx context.Context, s *ipc.Sender[int]) error {
	return s.Send(ctx, runtime.GOMAXPROCS(0))
}

var (
	busyTarget  = ipc.NewTarget(busyLoop)
	filesTarget = ipc.NewTarget(openMany)
	procsTarget = ipc.NewTarget(sendProcs)
)

func TestLimitsRefused(t *testing.T) {
	ctx := guard(t)
	for _, tc := range []struct {
		name   string
		limits ipc.Limits
		want   string
	}{
		{"negative memory", ipc.Limits{Memory: -1}, "memory"},
		{"little memory", ipc.Limits{Memory: 16<<20 - 1}, "16 MiB"},
		{"negative time", ipc.Limits{CPU: -time.Second}, "CPU time"},
		{"negative files", ipc.Limits{Files: -1}, "files"},
		{"too nice", ipc.Limits{Nice: 20}, "nice"},
		{"not nice", ipc.Limits{Nice: -21}, "nice"},
		{"no CPU", ipc.Limits{CPUs: []int{}}, "none"},
		{"negative CPU", ipc.Limits{CPUs: []int{0, -1}}, "CPU -1"},
		{"too high a CPU", ipc.Limits{CPUs: []int{1 << 20}}, "CPU 1048576"},
		{"negative procs", ipc.Limits{Procs: -1}, "GOMAXPROCS"},
	} {
		p := ipc.NewProcess(noopTarget, ipc.None{})
		p.Limits = tc.limits
		err := p.Start()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Start() = %v; want an error with %q", tc.name, err, tc.want)
		}
		p.Limits = ipc.Limits{}
		start(t, p)
		if err := p.Join(ctx); err != nil {
			t.Errorf("%s: Join() after a better start = %v", tc.name, err)
		}
	}
}

// ends starts p, with its standard error put away, and returns how it ended.
func ends(ctx context.Context, t *testing.T, p *ipc.Process) *ipc.ExitError {
	t.Helper()
	p.Stderr = io.Discard
	start(t, p)
	e, ok := errors.AsType[*ipc.ExitError](p.Join(ctx))
	if !ok {
		t.Fatalf("%v ended well", p)
	}
	return e
}

func TestLimitCPU(t *testing.T) {
	ctx := guard(t)
	for _, deaf := range []bool{false, true} {
		p := ipc.NewProcess(busyTarget, deaf)
		p.Limits.CPU = 300 * time.Millisecond // a second: they are full ones
		e := ends(ctx, t, p)
		if e.Cause != ipc.CauseCPU || e.Code != -int(syscall.SIGKILL) {
			t.Errorf("deaf %v: %v, cause %v; want %v by SIGKILL", deaf, e, e.Cause, ipc.CauseCPU)
		}
		if !strings.Contains(e.Error(), "CPU time") {
			t.Errorf("deaf %v: Error() = %q does not say so", deaf, e)
		}
	}
}

func TestLimitFiles(t *testing.T) {
	ctx := guard(t)
	r, s := channel[opened](t)
	p := ipc.NewProcess(filesTarget, s)
	const most = 40
	p.Limits.Files = most
	start(t, p)
	got := ok(r.Recv(ctx))(t)
	if got.Files >= most-2 || got.Files == 0 || syscall.Errno(got.Errno) != syscall.EMFILE || got.Limit != most {
		t.Errorf("a child with %d files opened %+v; want some, then EMFILE", most, got)
	}
	join(t, p)
}

func TestLimitProcs(t *testing.T) {
	ctx := guard(t)
	r, s := channel[int](t)
	for _, tc := range []struct {
		limits ipc.Limits
		env    string
		want   int
	}{
		{ipc.Limits{Procs: 3}, "A=B", 3},
		{ipc.Limits{Procs: 3}, "GOMAXPROCS=2", 3},
		{ipc.Limits{}, "GOMAXPROCS=5", 5},
		{ipc.Limits{Nice: 1}, "GOMAXPROCS=5", 5},
	} {
		p := ipc.NewProcess(procsTarget, s)
		p.Limits = tc.limits
		p.Env = append(os.Environ(), tc.env)
		start(t, p)
		if got := ok(r.Recv(ctx))(t); got != tc.want {
			t.Errorf("GOMAXPROCS with %+v and %s = %d; want %d", tc.limits, tc.env, got, tc.want)
		}
		join(t, p)
	}
}
