package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The costs of the box, each beside the least that it could cost and beside
// Python, taken in turn in one run:
//
//	go test -run '^$' -bench . -benchtime 20x .

// buildProgram builds a program for the benchmarks, as it is released.
func buildProgram(b *testing.B, name, dir string) string {
	b.Helper()
	exe := filepath.Join(b.TempDir(), name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", exe, dir)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return exe
}

// A cost is what a command and its children take, from start to end.
type cost struct {
	wall, cpu time.Duration
	faults    int64
}

func (c *cost) add(d cost, sign int) {
	c.wall += time.Duration(sign) * d.wall
	c.cpu += time.Duration(sign) * d.cpu
	c.faults += int64(sign) * d.faults
}

// measure runs a command and returns its cost.
func measure(b *testing.B, name string, args ...string) cost {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "MPBOX_STEP=0s")
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v", cmd, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		wall:   time.Since(begin),
		cpu:    cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		faults: usage.Minflt,
	}
}

func emptyProgram(b *testing.B) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "empty.go")
	if err := os.WriteFile(file, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	return buildProgram(b, "empty", file)
}

func milliseconds(d time.Duration, n int) float64 { return d.Seconds() * 1000 / float64(n) }

// BenchmarkChild compares a child of an applet that prints one line, from its
// start until it is joined, with an empty Go program. The parent's own cost is
// taken off: that of a command without children.
func BenchmarkChild(b *testing.B) {
	const n = 10 // children of process_in_subclass, one after the other
	mpbox, empty := buildProgram(b, "mpbox", "."), emptyProgram(b)
	var child, floor cost
	for b.Loop() {
		child.add(measure(b, mpbox, "process_in_subclass"), 1)
		child.add(measure(b, mpbox, "list"), -1)
		for range n {
			floor.add(measure(b, empty), 1)
		}
	}
	report(b, "child", child, b.N*n)
	report(b, "empty", floor, b.N*n)
	b.ReportMetric(float64(child.wall)/float64(floor.wall), "child/empty")
	b.ReportMetric(0, "ns/op")
}

func report(b *testing.B, what string, c cost, n int) {
	b.ReportMetric(milliseconds(c.wall, n), "ms/"+what)
	b.ReportMetric(milliseconds(c.cpu, n), "cpu-ms/"+what)
	b.ReportMetric(float64(c.faults)/float64(n), "faults/"+what)
}

// The Python programs do what the applet does.
const (
	pythonPool = `
from multiprocessing import Pool
def square(x): return x * x
if __name__ == "__main__":
    with Pool(4) as pool: print("Pool    :", pool.map(square, range(100)))`
	pythonList = `
import multiprocessing
print("process_pool")`
)

// python is the interpreter itself: what is called python3 may be a script
// that looks for it first.
func python() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable, end='')").Output()
	return string(out), err
}

// BenchmarkCommand compares whole commands with Python programs for the same.
func BenchmarkCommand(b *testing.B) {
	mpbox := buildProgram(b, "mpbox", ".")
	for _, c := range []struct{ applet, python string }{
		{"list", pythonList}, {"process_pool", pythonPool},
	} {
		b.Run(c.applet, func(b *testing.B) {
			file := filepath.Join(b.TempDir(), "original.py")
			if err := os.WriteFile(file, []byte(c.python), 0o600); err != nil {
				b.Fatal(err)
			}
			python3, err := python()
			var ours, theirs cost
			for b.Loop() {
				ours.add(measure(b, mpbox, c.applet), 1)
				if err == nil {
					theirs.add(measure(b, python3, file), 1)
				}
			}
			report(b, "mpbox", ours, b.N)
			if err == nil {
				report(b, "python", theirs, b.N)
				b.ReportMetric(float64(ours.wall)/float64(theirs.wall), "mpbox/python")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
