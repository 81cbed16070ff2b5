package word

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/park"
	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// parked is an Env over a real Parker.
type parked struct {
	park.Parker
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
	for name, p := range map[string]park.Parker{park.Backend: park.New(), "poll": park.Poll{}} {
		t.Run(name, func(t *testing.T) {
			watchdog.Start(t)
			f(t, func(pid uint32) parked { return parked{Parker: p, pid: pid} })
		})
	}
}

func TestMutexExcludesGoroutines(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		const workers, rounds = 4, 300
		m, n := MutexAt(new(atomic.Uint32)), 0 // n is for the race detector, too
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
				died, err := MutexAt(&w).Lock(t.Context(), e)
				if err != nil {
					t.Errorf("Lock() = %v", err)
				}
				if died {
					told.Add(1)
				}
				MutexAt(&w).Unlock(e)
			})
		}
		if wg.Wait(); told.Load() != 1 {
			t.Errorf("%d were told of the death; want 1", told.Load())
		}
	})
}

func TestEventWakesGoroutines(t *testing.T) {
	eachParker(t, func(t *testing.T, env func(uint32) parked) {
		ping, pong := EventAt(new(atomic.Uint32)), EventAt(new(atomic.Uint32))
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

func TestRingDeliversBetweenGoroutines(t *testing.T) {
	for _, limit := range []uint32{0, 3} {
		eachParker(t, func(t *testing.T, env func(uint32) parked) {
			const putters, getters, each = 3, 2, 60
			r := newRing(512, limit, 1<<32-900, 1<<32-20)
			var putting, getting sync.WaitGroup
			var left atomic.Int32
			left.Store(putters)
			for p := range uint32(putters) {
				putting.Go(func() {
					defer left.Add(-1)
					for i := range each {
						n := 8 + i*i%100
						if i%10 == 3 {
							n = 2000
						}
						if err := r.Send(t.Context(), env(p+1), someone, parcel(p+1, i, n)); err != nil {
							t.Errorf("Send() = %v", err)
						}
					}
				})
			}
			var got atomic.Int32
			for g := range uint32(getters) {
				getting.Go(func() {
					var last [putters + 1]uint32
					ring := r.ofProcess()
					for {
						b, err := ring.Recv(t.Context(), env(10+g), func(bool) bool { return left.Load() > 0 })
						if err == io.EOF {
							return
						}
						if err != nil || len(b) < 8 {
							t.Errorf("Recv() = %d bytes, %v", len(b), err)
							return
						}
						from, i := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
						if from < 1 || from > putters || !bytes.Equal(b, parcel(from, int(i), len(b))) {
							t.Errorf("message of %d bytes is damaged", len(b))
							return
						}
						if i+1 <= last[from] {
							t.Errorf("message %d of %d came after its %d", i, from, last[from]-1)
						}
						last[from] = i + 1
						got.Add(1)
					}
				})
			}
			putting.Wait()
			getting.Wait()
			if got.Load() != putters*each || r.Len() != 0 {
				t.Errorf("%d messages came, Len() = %d; want %d, 0", got.Load(), r.Len(), putters*each)
			}
		})
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
				for n := 0; n < each; {
					if err := r.TrySend(env(i+1), someone, parcel(i, n, 20)); err == nil {
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
					if b, err := ring.TryRecv(env(i+11), someone); err == nil && len(b) == 20 {
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

// In the tests below time is that of a bubble: the poller's pauses pass at once.
var poller = parked{Parker: park.Poll{}, pid: 1}

func TestRingWaitEndsWithContext(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait func(ctx context.Context, r *Ring) error
	}{
		{"Recv", func(ctx context.Context, r *Ring) error {
			_, err := r.Recv(ctx, poller, someone)
			return err
		}},
		{"Poll", func(ctx context.Context, r *Ring) error { return r.Poll(ctx, poller, someone) }},
		{"Send of more than there is room for", func(ctx context.Context, r *Ring) error {
			return r.Send(ctx, poller, someone, make([]byte, 100))
		}},
		{"Recv while another gets", func(ctx context.Context, r *Ring) error {
			r.Get.w.Store(2)
			_, err := r.Recv(ctx, poller, someone)
			return err
		}},
		{"Send while another puts", func(ctx context.Context, r *Ring) error {
			r.Put.w.Store(2)
			return r.Send(ctx, poller, someone, nil)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := tt.wait(ctx, newRing(64, 0, 0, 0))
				if d := time.Since(start); err != context.DeadlineExceeded || d < time.Second {
					t.Errorf("%v after %v; want context.DeadlineExceeded after 1s", err, d)
				}
			})
		})
	}
}

// A message that has begun to arrive is taken to its end although the context
// ends meanwhile, as long as it comes on.
func TestRingGetterFinishesMessageThatComesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, msg := newRing(256, 0, 0, 0), message(5, 120)
		go func() {
			r.publish(poller, binary.LittleEndian.AppendUint64(nil, uint64(len(msg))), moreBit)
			for i := 0; i < len(msg); i += 12 {
				time.Sleep(stall * 9 / 10)
				marks := uint32(moreBit | laterBit)
				if i+12 == len(msg) {
					marks = laterBit
				}
				r.publish(poller, msg[i:i+12], marks)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), stall)
		defer cancel()
		b, err := r.Recv(ctx, poller, someone)
		if err != nil || !bytes.Equal(b, msg) {
			t.Errorf("Recv() = %d bytes, %v; want the message of %d", len(b), err, len(msg))
		}
	})
}

func TestRingGetterGivesUpMessageThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(64, 0, 0, 0)
		r.publish(poller, binary.LittleEndian.AppendUint64(nil, 20), moreBit)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.Recv(ctx, poller, someone)
		if d := time.Since(start); err != context.DeadlineExceeded || d < time.Second+stall {
			t.Errorf("Recv() = %v after %v; want context.DeadlineExceeded after %v", err, d, time.Second+stall)
		}
		if r.Get.Owner() != 0 {
			t.Errorf("get lock is held by %d afterwards", r.Get.Owner())
		}
		// What comes of it later still makes it whole.
		msg := message(1, 20)
		r.publish(poller, msg[:12], moreBit|laterBit)
		r.publish(poller, msg[12:], laterBit)
		if b, err := r.Recv(t.Context(), poller, someone); err != nil || !bytes.Equal(b, msg) || r.Len() != 0 {
			t.Errorf("Recv() = %x, %v, Len() %d; want %x, nil, 0", b, err, r.Len(), msg)
		}
	})
}

func TestRingWaitsPassOnTheErrorOfTheirEnv(t *testing.T) {
	errGone := errors.New("gone")
	env := failing{alone{t, 1}, errGone}
	r := newRing(64, 0, 0, 0)
	r.publish(env, binary.LittleEndian.AppendUint64(nil, 1000), moreBit)
	if _, err := r.Recv(t.Context(), env, someone); err != errGone {
		t.Errorf("Recv() in the middle of a message = %v; want that of Wait", err)
	}
	if _, err := r.TryRecv(env, someone); err != errGone {
		t.Errorf("TryRecv() = %v; want that of Wait", err)
	}
	if _, err := newBarrier(2, 0).Wait(t.Context(), env); err != errGone {
		t.Errorf("Barrier.Wait() = %v; want that of Wait", err)
	}
	if err := EventAt(new(atomic.Uint32)).Wait(t.Context(), env); err != errGone {
		t.Errorf("Event.Wait() = %v; want that of Wait", err)
	}
}

// failing is an Env in which waiting is an error, as it is for a handle that
// another goroutine closes.
type failing struct {
	alone
	err error
}

func (f failing) Wait(context.Context, *atomic.Uint32, uint32) (bool, error) { return false, f.err }
