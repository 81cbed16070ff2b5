//go:build unix

package park

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// pair is two doorbells of the same memory and pipe, as two processes have.
func pair(t *testing.T) (a, b *Doorbell) {
	t.Helper()
	watchdog.Start(t)
	words := &new([Words]atomic.Uint32)[0]
	a, err := NewDoorbell(words)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	var fds []int
	for _, fd := range a.Fds() {
		fd, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	b, err = AttachDoorbell(words, fds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}

// asleep waits until n goroutines sleep at d.
func asleep(d *Doorbell, n int) {
	for {
		d.mu.Lock()
		now := len(d.sleepers)
		d.mu.Unlock()
		if now == n {
			return
		}
		runtime.Gosched()
	}
}

// sleep has n goroutines wait on w at d, and returns a function that waits
// for their errors.
func sleep(t *testing.T, d *Doorbell, w *atomic.Uint32, n int) func(want error) {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { _, errs[i] = d.Wait(t.Context(), w, 0, long) })
	}
	asleep(d, n)
	return func(want error) {
		t.Helper()
		wg.Wait()
		for _, err := range errs {
			if err != want {
				t.Errorf("Wait() = %v; want %v", err, want)
			}
		}
	}
}

// Several processes hear each wake, and the last of them wakes the first.
func TestWakeReachesAllProcesses(t *testing.T) {
	for backend := range makers {
		for _, children := range []int{1, 3} {
			t.Run(backend, func(t *testing.T) {
				watchdog.Start(t)
				c := newCourt(t, backend)
				c.start(t, backend, children)
				const turns = 500
				c.play(turns)
				if got := c.word(atHits).Load(); got != uint32(turns*children) {
					t.Errorf("%d hits; want %d", got, turns*children)
				}
			})
		}
	}
}

// A wake need not come with a change of the word: it may be about something
// else that those who wait look at.
func TestDoorbellWakesForUnchangedWord(t *testing.T) {
	a, b := pair(t)
	for _, d := range []*Doorbell{a, b} {
		var w atomic.Uint32
		wait := sleep(t, d, &w, 3)
		a.Wake(&w)
		wait(nil)
	}
}

func TestDoorbellLeavesWaitersForOtherWords(t *testing.T) {
	d, _ := pair(t)
	var ws [2 * Words]atomic.Uint32
	other := 1
	for d.group(&ws[other]) == d.group(&ws[0]) {
		other++
	}
	sl := &sleeper{w: &ws[0], group: d.group(&ws[0]), woken: make(chan struct{}, 1)}
	if err := d.enter(sl); err != nil {
		t.Fatal(err)
	}
	defer d.leave(sl)
	ws[other].Store(1)
	d.Wake(&ws[other])
	if d.heard(0); len(sl.woken) > 0 {
		t.Error("a wake for another word has woken a waiter")
	}
	ws[0].Store(1)
	if d.heard(0); len(sl.woken) == 0 {
		t.Error("a waiter whose word has changed was not woken")
	}
}

// Words at the same place of objects that lie one behind the other are in
// different groups.
func TestDoorbellSpreadsWords(t *testing.T) {
	d, _ := pair(t)
	for _, step := range []int{1, 2, 16, 64, 80, 144, 256, 528} { // in words
		ws := make([]atomic.Uint32, Words*step)
		groups := map[*atomic.Uint32]bool{}
		for i := range Words {
			groups[d.group(&ws[i*step])] = true
		}
		if len(groups) < Words/3 {
			t.Errorf("%d words, %d words apart, are in %d groups", Words, step, len(groups))
		}
	}
}

// Nobody takes out of the pipe what is written to it, until it is full. A
// write that fails would be an edge for nobody.
func TestDoorbellThatIsFullWakes(t *testing.T) {
	a, b := pair(t)
	for range 3 {
		var w atomic.Uint32
		wait := sleep(t, b, &w, 2)
		for err := error(nil); err != syscall.EAGAIN; {
			_, err = syscall.Write(a.fds[1], make([]byte, 512))
		}
		w.Store(1)
		a.Wake(&w)
		wait(nil)
		if _, err := syscall.Write(a.fds[1], strike); err != nil {
			t.Errorf("a wake has not made room: %v", err)
		}
	}
}

// More wakes than the pipe holds never block, though nobody waits.
func TestDoorbellIsNeverTooFullToWake(t *testing.T) {
	d, _ := pair(t)
	var w atomic.Uint32
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 100_000 {
				d.Wake(&w)
			}
		})
	}
	wg.Wait()
}

func TestDoorbellCloseEndsWaits(t *testing.T) {
	a, b := pair(t)
	var w atomic.Uint32
	wait, stay := sleep(t, a, &w, 3), sleep(t, b, &w, 2)
	if err := a.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	wait(os.ErrClosed)
	if _, err := a.Wait(t.Context(), &w, 0, long); err != os.ErrClosed {
		t.Errorf("Wait() after Close = %v; want os.ErrClosed", err)
	}
	if err := a.Close(); err != os.ErrClosed {
		t.Errorf("second Close() = %v; want os.ErrClosed", err)
	}
	b.Wake(&w) // the other process goes on
	stay(nil)
}

func TestDoorbellLeavesNothing(t *testing.T) {
	left := func() (fds int) {
		for fd := range 100 {
			if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); errno == 0 {
				fds++
			}
		}
		return fds
	}
	pair(t) // the runtime has its poller from now on
	fds, goroutines := left(), runtime.NumGoroutine()
	for _, waits := range []bool{false, true} {
		d, err := NewDoorbell(&new([Words]atomic.Uint32)[0])
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			var w atomic.Uint32
			if napped, err := d.Wait(t.Context(), &w, 0, time.Microsecond); !napped || err != nil {
				t.Errorf("Wait() = %v, %v; want true, nil", napped, err)
			}
		}
		if n := left(); n != fds+len(d.Fds()) {
			t.Errorf("a doorbell has %d descriptors; want %d", n-fds, len(d.Fds()))
		}
		for _, fd := range d.Fds() {
			flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
				t.Errorf("descriptor flags %#x, %v; want close-on-exec", flags, errno)
			}
		}
		if err := d.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		if n := left(); n != fds {
			t.Errorf("Close() leaves %d descriptors", n-fds)
		}
		for runtime.NumGoroutine() > goroutines { // the last instants of a listener
			runtime.Gosched()
		}
	}
}

func TestAttachDoorbellRefusesWhatIsNoPipe(t *testing.T) {
	words := &new([Words]atomic.Uint32)[0]
	for _, fds := range [][]int{nil, {-1}, {-1, -1, -1}} {
		if _, err := AttachDoorbell(words, fds); err == nil {
			t.Errorf("AttachDoorbell(%v) = nil; want an error", fds)
		}
	}
	if _, err := AttachDoorbell(words, []int{-1, -1}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("AttachDoorbell(-1, -1) = %v; want EBADF", err)
	}
}

// Two processes that sleep whenever it is not their turn.
func BenchmarkPingPong(b *testing.B) {
	for backend := range makers {
		b.Run(backend, func(b *testing.B) {
			c := newCourt(b, backend)
			c.start(b, backend, 1)
			c.play(1)
			b.ResetTimer()
			c.play(b.N)
		})
	}
}
