package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// parked is an Env over a real Parker.
type parked struct {
	park.Parker
	*park.Spinner
	pid  uint32
	dead *atomic.Uint32 // the process that counts as dead, 0 for none
}

func (e parked) Pid() uint32          { return e.pid }
func (e parked) Dead(pid uint32) bool { return e.dead != nil && e.dead.Load() == pid }
func (e parked) Wait(ctx context.Context, w *atomic.Uint32, old uint32) (bool, error) {
	return e.Parker.Wait(ctx, w, old, 50*time.Millisecond)
}

// eachParker runs f over both backends, or the one if there are not two.
func eachParker(t *testing.T, f func(t *testing.T, env func(pid uint32) parked)) {
	makers := map[string]func(*atomic.Uint32) (park.Parker, error){
		park.Backend: park.New,
		"doorbell":   func(words *atomic.Uint32) (park.Parker, error) { return park.NewDoorbell(words) },
	}
	for name, newParker := range makers {
		t.Run(name, func(t *testing.T) {
			watchdog.Start(t)
			p, err := newParker(&new([park.Words]atomic.Uint32)[0])
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			spinner := new(park.Spinner)
			f(t, func(pid uint32) parked { return parked{p, spinner, pid, nil} })
		})
	}
}

func TestMutexExcludesGoroutines(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		const workers, rounds = 4, 300
		m, n := MutexAt(new(atomic.Uint32), nil), 0 // n is for the race detector, too
		var wg sync.WaitGroup
		for i := range uint32(workers) {
			wg.Go(func() {
				for range rounds {
					if died, err := m.Lock(t.Context(), env(i+1)); died || err != nil {
						t.Errorf("Lock() = %v, %v; want false, nil", died, err)
					}
					n++
					if !m.Unlock(env(i + 1)) {
						t.Error("Unlock() by the holder = false")
					}
				}
			})
		}
		if wg.Wait(); n != workers*rounds {
			t.Errorf("counted to %d; want %d", n, workers*rounds)
		}
	})
}

func TestMutexIsFoundAfterDeathWithoutWake(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		var w, dead atomic.Uint32
		w.Store(9)
		dead.Store(9)
		var wg sync.WaitGroup
		var told atomic.Int32
		for i := range uint32(3) {
			wg.Go(func() {
				e := env(i + 1)
				e.dead = &dead
				died, err := MutexAt(&w, nil).Lock(t.Context(), e)
				if err != nil {
					t.Errorf("Lock() = %v", err)
				}
				if died {
					told.Add(1)
				}
				MutexAt(&w, nil).Unlock(e)
			})
		}
		if wg.Wait(); told.Load() != 1 {
			t.Errorf("%d were told of the death; want 1", told.Load())
		}
	})
}

func TestEventWakesGoroutines(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		ping, pong := EventAt(new(atomic.Uint32), nil), EventAt(new(atomic.Uint32), nil)
		var wg sync.WaitGroup
		turn := func(pid uint32, mine, other Event) {
			for range 300 {
				if err := mine.Wait(t.Context(), env(pid)); err != nil {
					t.Errorf("Wait() = %v", err)
				}
				mine.Clear()
				other.Set(env(pid))
			}
		}
		wg.Go(func() { turn(1, ping, pong) })
		wg.Go(func() { turn(2, pong, ping) })
		ping.Set(env(3))
		wg.Wait()
	})
}

func TestBarrierKeepsGoroutinesInStep(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		const parties, rounds = 4, 200
		b := newBarrier(parties, atRound(roundMask-50))
		var seen [rounds][parties]bool // the race detector wants the rounds in order
		var wg sync.WaitGroup
		for p := range uint32(parties) {
			wg.Go(func() {
				for r := range rounds {
					i, err := b.Wait(t.Context(), env(p+1))
					if err != nil {
						t.Errorf("Wait() = %v", err)
						return
					}
					if seen[r][i] {
						t.Errorf("index %d twice in round %d", i, r)
					}
					seen[r][i] = true
					if r > 0 && seen[r-1] != [parties]bool{true, true, true, true} {
						t.Errorf("round %d passed before all left round %d", r, r-1)
					}
				}
			})
		}
		wg.Wait()
	})
}

// The goroutines of one process are as many waiters: only Unlock takes them
// for one.
func TestMutexExcludesGoroutinesOfOneProcess(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		const workers, rounds = 8, 200
		m, n := MutexAt(new(atomic.Uint32), new(Local)), 0
		var wg sync.WaitGroup
		for i := range uint32(workers) {
			wg.Go(func() {
				for range rounds {
					if _, err := m.Lock(t.Context(), env(i%2+1)); err != nil {
						t.Errorf("Lock() = %v", err)
					}
					n++
					m.Unlock(env(i%2 + 1))
				}
			})
		}
		if wg.Wait(); n != workers*rounds {
			t.Errorf("counted to %d; want %d", n, workers*rounds)
		}
	})
}

// read reads a parcel, and reports whether it is whole.
func read(b []byte) (from, number uint32, whole bool) {
	if len(b) < 8 {
		return 0, 0, false
	}
	from, number = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	return from, number, bytes.Equal(b, parcel(from, int(number), len(b)))
}

func TestRingDeliversBetweenGoroutines(t *testing.T) {
	const putters, getters, each = 3, 2, 60
	for _, limit := range []uint32{0, 3} {
		for _, batch := range []int{1, 5} {
			eachParker(t, func(t *testing.T, env func(uint32) parked) {
				r := newRing(512, limit, 1<<32-900, 1<<32-20)
				var putting, getting sync.WaitGroup
				var left, got atomic.Int32
				left.Store(putters)
				r.Putters = func(bool) bool { return left.Load() > 0 }
				for p := range uint32(putters) {
					putting.Go(func() {
						defer left.Add(-1)
						putAll(t, r.ofProcess(), env(p+1), each, batch)
					})
				}
				for g := range uint32(getters) {
					getting.Go(func() { got.Add(getAll(t, r.ofProcess(), env(10+g), batch)) })
				}
				putting.Wait()
				getting.Wait()
				if got.Load() != putters*each || r.Len() != 0 {
					t.Errorf("%d messages came, Len() = %d; want %d, 0", got.Load(), r.Len(), putters*each)
				}
			})
		}
	}
}

// putAll puts messages of all sizes, some of them long.
func putAll(t *testing.T, r *Ring, env Env, n, batch int) {
	parcelOf := func(i int) []byte {
		if i%10 == 3 {
			return parcel(env.Pid(), i, 2000)
		}
		return parcel(env.Pid(), i, 8+i*i%100)
	}
	for i := 0; i < n; {
		done, err := 1, error(nil)
		if batch == 1 {
			b := parcelOf(i)
			err = r.Send(t.Context(), env, b[:3], b[3:])
		} else {
			done, err = r.SendMany(t.Context(), env, min(batch, n-i), func(k int) []byte { return parcelOf(i + k) })
		}
		if i += done; err != nil || done == 0 {
			t.Errorf("putting = %d, %v", done, err)
			return
		}
	}
}

// getAll gets messages until io.EOF, and returns how many.
func getAll(t *testing.T, r *Ring, env Env, batch int) (n int32) {
	last := map[uint32]uint32{}
	for {
		all, err := [][]byte{nil}, error(nil)
		if batch == 1 {
			all[0], err = r.Recv(t.Context(), env, nil)
		} else {
			all, err = recvMany(t, r, env, batch)
		}
		if err == io.EOF {
			return n
		} else if err != nil {
			t.Errorf("getting = %v", err)
			return n
		}
		for _, b := range all {
			from, number, whole := read(b)
			if !whole {
				t.Errorf("message of %d bytes is damaged", len(b))
				return n
			}
			if number+1 <= last[from] {
				t.Errorf("message %d of %d came after its %d", number, from, last[from]-1)
			}
			last[from] = number + 1
			n++
		}
	}
}

func TestRingTriesGoOnWhileOthersAreBusy(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		const each = 200
		r := newRing(128, 0, 0, 0)
		var wg sync.WaitGroup
		var got atomic.Int32
		for i := range uint32(2) {
			wg.Go(func() {
				ring := r.ofProcess()
				for n := 0; n < each; {
					if err := ring.TrySend(env(i+1), nil, parcel(i, n, 20)); err == nil {
						n++
					} else if err != ErrWouldBlock {
						t.Errorf("TrySend() = %v", err)
						return
					} else {
						time.Sleep(time.Microsecond)
					}
				}
			})
			wg.Go(func() {
				ring := r.ofProcess()
				for got.Load() < 2*each {
					b, err := ring.TryRecv(env(i+11), nil)
					if _, _, whole := read(b); err == nil && whole {
						got.Add(1)
					} else if err != ErrWouldBlock {
						t.Errorf("TryRecv() = %d bytes, %v", len(b), err)
						return
					} else {
						time.Sleep(time.Microsecond)
					}
				}
			})
		}
		wg.Wait()
	})
}
