package ipc_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

func TestOOMFiles(t *testing.T) {
	for _, tc := range []struct {
		name, groups string
		want         []string
	}{
		{"container", "0::/\n", []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.events"}},
		{"service", "0::/a.slice/b:c.service\n",
			[]string{"/sys/fs/cgroup/a.slice/b:c.service/memory.events", "/sys/fs/cgroup/memory.events"}},
		{"both versions", "9:name=systemd:/\n4:memory:/a\n1:cpu,cpuacct:/\n0::/b",
			[]string{"/sys/fs/cgroup/memory/a/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control",
				"/sys/fs/cgroup/b/memory.events", "/sys/fs/cgroup/memory.events"}},
		{"none", "", nil},
		{"damaged", "1:memor\nmemory\n4:cpu", nil},
	} {
		got := ipc.OOMFiles([]byte(tc.groups))
		for i, name := range got {
			got[i] = filepath.Clean(name)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q; want %q", tc.name, got, tc.want)
		}
	}
}

func TestOOMCount(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int64
	}{
		{"low 0\nhigh 0\nmax 17\noom 5\noom_kill 4\noom_group_kill 1\n", 4},
		{"oom_kill_disable 1\nunder_oom 0\noom_kill 12", 12},
		{"oom_kill_disable 1\nunder_oom 0\n", -1},
		{"oom_kill x\n", 0},
		{"", -1},
	} {
		if got := ipc.OOMCount([]byte(tc.text)); got != tc.want {
			t.Errorf("%q: %d; want %d", tc.text, got, tc.want)
		}
	}
}

// TestKilledByKernel plays the kernel: one kill was counted, of two.
func TestKilledByKernel(t *testing.T) {
	ctx := guard(t)
	counter := filepath.Join(t.TempDir(), "memory.events")
	count := func(n string) {
		if err := os.WriteFile(counter, []byte("oom 9\noom_kill "+n+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count("100")
	defer ipc.SetOOMFile(counter)()
	var ps [3]*ipc.Process
	for i := range ps {
		ps[i] = ipc.NewProcess(sleepTarget, ipc.None{})
		ps[i].Limits, ps[i].Stderr = collecting, io.Discard
	}
	start(t, ps[:]...)
	for i, want := range []ipc.Cause{ipc.CauseKilled, ipc.CauseMemory, ipc.CauseKilled} {
		if i == 1 {
			count("101")
		}
		if err := syscall.Kill(ps[i].Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		e, ok := errors.AsType[*ipc.ExitError](ps[i].Join(ctx))
		if !ok || e.Cause != want || strings.Contains(e.Error(), "out of memory: killed by the kernel") != (want == ipc.CauseMemory) {
			t.Errorf("kill %d: %v; want the cause %v", i, e, want)
		}
	}
}
