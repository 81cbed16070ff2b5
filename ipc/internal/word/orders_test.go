package word

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// everyOrder plays build's world in orders, for each way of spinning: all of
// them, if they are at most a sixth of limit, else so many as they come, and
// then half the limit at random, in some of which sleeps end early.
func everyOrder(t *testing.T, limit int, build func(w *world) (check func())) {
	t.Helper()
	watchdog.Start(t)
	if testing.Short() {
		limit /= 10
	} else if raceEnabled {
		limit /= 4 // a world has no races
	} else if stepped {
		limit /= 2
	}
	all := true
	for spin := range spinModes {
		all = inTurn(t, limit/2/spinModes, spin, build) && all
	}
	if all {
		return
	}
	for seed := range uint64(limit / 2) {
		w := randomWorld(t, seed, 0)
		check := build(w)
		w.play()
		if check != nil && !t.Failed() {
			check()
		}
		if t.Failed() {
			t.Fatalf("random order %d", seed)
		}
	}
}

// inTurn plays build's world in one order after the other, and reports whether
// that were all.
func inTurn(t *testing.T, limit, spin int, build func(w *world) (check func())) (all bool) {
	t.Helper()
	var path, width []int
	for run := range limit {
		at := 0
		w := newWorld(t, func(n int) int {
			if at == len(path) {
				path, width = append(path, 0), append(width, n)
			}
			at++
			return path[at-1]
		})
		w.spin = spin
		check := build(w)
		w.play()
		if check != nil && !t.Failed() {
			check()
		}
		if t.Failed() {
			t.Fatalf("spin mode %d, order %d: %v", spin, run, path)
		}
		for len(path) > 0 && path[len(path)-1]+1 == width[len(path)-1] {
			path, width = path[:len(path)-1], width[:len(path)-1]
		}
		if len(path) == 0 {
			return true
		}
		path[len(path)-1]++
	}
	return false
}

// randomWorld is a world whose order follows from two numbers.
func randomWorld(t *testing.T, seed, more uint64) *world {
	r := rand.New(rand.NewPCG(seed, more))
	w := newWorld(t, r.IntN)
	w.spin, w.early = int(seed%spinModes), int(seed/spinModes%2*3)
	return w
}

// everyDeath plays build's world, in some orders each, with the death of the
// victim at its first point, its second, and so on to its end.
func everyDeath(t *testing.T, orders int, build func(w *world) (victim *proc, check func())) {
	t.Helper()
	watchdog.Start(t)
	if stepped || raceEnabled {
		orders = orders/3 + 1 // there are so many more points
	}
	for at := 1; ; at++ {
		died := false
		for seed := range uint64(orders) {
			w := randomWorld(t, seed, uint64(at))
			victim, check := build(w)
			victim.dieAt = at
			w.play()
			if !t.Failed() {
				check()
			}
			if t.Failed() {
				t.Fatalf("death of %d at its point %d, random order %d", victim.pid, at, seed)
			}
			died = died || victim.dead
		}
		if !died {
			return
		}
	}
}

// alone is an Env of one process that nobody else disturbs: waiting is a failure.
type alone struct {
	t   testing.TB
	pid uint32
}

func (a alone) Pid() uint32                                   { return a.pid }
func (a alone) Wake(*atomic.Uint32)                           {}
func (a alone) Dead(uint32) bool                              { return false }
func (a alone) Spin(w *atomic.Uint32, old uint32, _ int) bool { return w.Load() != old }
func (a alone) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	if ctx.Err() == nil && w.Load() == old {
		a.t.Fatalf("process %d sleeps on %#x, and nobody is there to wake it", a.pid, old)
	}
	return false, ctx.Err()
}

// counting is alone, and counts its wakes.
type counting struct {
	alone
	wakes int
}

func (c *counting) Wake(*atomic.Uint32) { c.wakes++ }

// turns is an Env of goroutines: who waits lets the others run.
type turns struct{ alone }

func (turns) Wait(ctx context.Context, _ *atomic.Uint32, _ uint32) (bool, error) {
	runtime.Gosched()
	return false, ctx.Err()
}
