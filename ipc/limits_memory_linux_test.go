//go:build !race

package ipc_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// The race detector needs several times the memory of a program, so there are
// no such limits for it.

// An appetite is how much memory a process takes, in blocks of Block bytes up
// to Total. One that is not Greedy keeps only the last block. Then it waits
// for its end, if Stay is set.
type appetite struct {
	Block, Total int
	Greedy, Stay bool
}

func eat(ctx context.Context, a appetite) error {
	var kept [][]byte
	for eaten := 0; eaten < a.Total; eaten += a.Block {
		b := make([]byte, a.Block)
		for i := 0; i < len(b); i += os.Getpagesize() {
			b[i] = 1
		}
		if !a.Greedy {
			kept = kept[:0]
		}
		kept = append(kept, b)
	}
	if a.Stay {
		<-ctx.Done()
	}
	runtime.KeepAlive(kept)
	return nil
}

var eatTarget = ipc.NewTarget(eat)

func ownMemory(t *testing.T) (pages int) {
	t.Helper()
	b := ok(os.ReadFile("/proc/self/statm"))(t)
	var all, resident int
	if _, err := fmt.Sscan(string(b), &all, &resident); err != nil {
		t.Fatal(err)
	}
	return resident
}

func TestLimitMemory(t *testing.T) {
	ctx := guard(t)
	const limit = 128 << 20
	debug.FreeOSMemory()
	before := ownMemory(t)
	for _, tc := range []struct {
		name string
		eats appetite
		code int // 0 for any
	}{
		{"at once", appetite{Block: 1 << 30, Total: 1 << 30, Greedy: true}, 2},
		{"bit by bit", appetite{Block: 4 << 10, Total: 1 << 30, Greedy: true}, 0},
		{"just above", appetite{Block: 1 << 20, Total: limit + limit/16 + 12<<20, Greedy: true, Stay: true}, -9},
	} {
		p := ipc.NewProcess(eatTarget, tc.eats)
		p.Limits.Memory = limit
		e := ends(ctx, t, p)
		if e.Cause != ipc.CauseMemory || tc.code != 0 && e.Code != tc.code {
			t.Errorf("%s: %v, cause %v; want %v, code %d\n%s", tc.name, e, e.Cause, ipc.CauseMemory, tc.code, e.Stderr)
		}
		if want := "out of memory: limit of 128 MiB"; !strings.Contains(e.Error(), want) {
			t.Errorf("%s: Error() = %q; want %q in it", tc.name, e, want)
		}
		t.Logf("%s: %v", tc.name, e)
	}
	debug.FreeOSMemory()
	if grown := (ownMemory(t) - before) * os.Getpagesize(); grown > limit/4 {
		t.Errorf("the parent has grown by %d bytes", grown)
	}
}

// TestLimitMemoryEnough is about what a limit must leave alone.
func TestLimitMemoryEnough(t *testing.T) {
	ctx := guard(t)
	for _, tc := range []struct {
		name  string
		limit int64
		eats  appetite
	}{
		{"garbage", 64 << 20, appetite{Block: 1 << 20, Total: 1 << 30}},
		{"most of it", 128 << 20, appetite{Block: 1 << 20, Total: 112 << 20, Greedy: true}},
		{"the least", 16 << 20, appetite{Block: 1 << 20, Total: 8 << 20, Greedy: true}},
	} {
		p := ipc.NewProcess(eatTarget, tc.eats)
		p.Limits.Memory = tc.limit
		start(t, p)
		if err := p.Join(ctx); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
