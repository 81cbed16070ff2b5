package box

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/mpbox/mpbox/ipc"
)

func TestRunReportsABrokenBox(t *testing.T) {
	silent(t)
	b := &Box{} // without scripts
	if code := b.Run([]string{"mpbox", "test"}); code != exitBroken {
		t.Errorf("Run() = %d; want %d", code, exitBroken)
	}
}

func TestExitCodes(t *testing.T) {
	silent(t)
	b := &Box{Scripts: fstest.MapFS{}}
	for line, want := range map[string]int{
		"mpbox":                              0,
		"mpbox list":                         0,
		"mpbox --version":                    0,
		"mpbox derom -h":                     0,
		"mpbox explain barrier":              0,
		"mpbox explain ~xyzzyxyzzy":          1,
		"mpbox install /nowhere":             1,
		"mpbox list extra":                   2,
		"mpbox test xyzzy":                   2,
		"mpbox xyzzy":                        127,
		"mpbox source xyzzy":                 127,
		"mp-xyzzy":                           127,
		"mpbox --xyzzy":                      2,
		"mpbox process_pool --workers=x":     2,
		"process_pool --workers":             2,
		"mpbox spawning_process --parallel=": 2,
	} {
		if got := b.Run(strings.Fields(line)); got != want {
			t.Errorf("%s: exit code %d; want %d", line, got, want)
		}
	}
}

func TestHintFor(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errors.New("something else"), ""},
		{fmt.Errorf("ipc: start Process-1: %w", syscall.EAGAIN), "ulimit -u"},
		{errors.New("pool worker: open x: too many open files"), "ulimit -n"},
		{errors.Join(errors.New("a"), syscall.ENOMEM), "memory"},
		{syscall.ENOSPC, "No space"},
	}
	for _, test := range tests {
		got := hintFor(test.err)
		if !strings.Contains(got, test.want) || (test.want == "" && got != "") {
			t.Errorf("hintFor(%v) = %q; want %q in it", test.err, got, test.want)
		}
	}
}

func TestAppletError(t *testing.T) {
	err := appletError("derom", errors.Join(errors.New("one"), errors.New("two")))
	var r *refusal
	if !errors.As(err, &r) || r.code != exitFailed || r.text != "derom: one; two" {
		t.Errorf("appletError = %+v", err)
	}
	err = appletError("derom", fmt.Errorf("waiting: %w", context.DeadlineExceeded))
	if !errors.As(err, &r) || r.code != exitTimeout {
		t.Errorf("appletError of a deadline = %+v", err)
	}
}

func TestChildSignal(t *testing.T) {
	for code, want := range map[int]syscall.Signal{
		0: 0, 1: 0, -9: 0, -15: 0, 141: syscall.SIGPIPE,
		-2: syscall.SIGINT, -1: syscall.SIGHUP, -13: syscall.SIGPIPE,
	} {
		err := fmt.Errorf("around it: %w", &ipc.ExitError{Code: code})
		if got := childSignal(err); got != want {
			t.Errorf("childSignal(exit code %d) = %v; want %v", code, got, want)
		}
	}
}

func TestChooseScripts(t *testing.T) {
	scripts := fstest.MapFS{"list.txtar": {}, "process_pool.txtar": {}, "process_barrier.txtar": {}, "pool.txtar": {}}
	for pattern, want := range map[string][]string{
		"":           {"list", "pool", "process_barrier", "process_pool"},
		"pool":       {"pool"}, // by its name, though it is a part of another
		"process":    {"process_barrier", "process_pool"},
		"process_?*": {"process_barrier", "process_pool"},
		"LIST":       {"list"},
	} {
		got, err := (&testCommand{Pattern: pattern}).choose(scripts)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("choose(%q) = %q, %v; want %q", pattern, got, err, want)
		}
	}
}
