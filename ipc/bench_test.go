package ipc_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc"
)

// BenchmarkStartJoin compares a child that does nothing with an empty Go
// program, in turn. Wall time depends on what else the machine does; the CPU
// time and the page faults of the children do so less.
func BenchmarkStartJoin(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if out, err := exec.Command("go", "build", "-o", empty, filepath.Join(dir, "empty.go")).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var child, floor cost
	for b.Loop() {
		child.add(func() {
			p := ipc.NewProcess(noopTarget, ipc.None{})
			if err := p.Start(); err != nil {
				b.Fatal(err)
			}
			if err := p.Join(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
		floor.add(func() {
			p, err := os.StartProcess(empty, []string{"empty"}, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				b.Fatal(err)
			}
		})
	}
	n := float64(b.N)
	b.ReportMetric(child.wall.Seconds()*1e3/n, "ms/child")
	b.ReportMetric(child.cpu.Seconds()*1e3/n, "cpu-ms/child")
	b.ReportMetric(float64(child.faults)/n, "faults/child")
	b.ReportMetric(floor.wall.Seconds()*1e3/n, "ms/empty")
	b.ReportMetric(floor.cpu.Seconds()*1e3/n, "cpu-ms/empty")
	b.ReportMetric(float64(floor.faults)/n, "faults/empty")
	b.ReportMetric(float64(child.wall)/float64(floor.wall), "child/empty")
	b.ReportMetric(0, "ns/op")
}

// cost is what processes took, of the clock and of the machine.
type cost struct {
	wall, cpu time.Duration
	faults    int64
}

func (c *cost) add(run func()) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &before)
	begin := time.Now()
	run()
	c.wall += time.Since(begin)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &after)
	c.cpu += time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	c.faults += after.Minflt - before.Minflt
}
