package word

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

// deaths are what the deaths of this file happen to: single messages, long
// ones, and batches with and without long ones in them.
var deaths = []struct {
	limit uint32
	batch int
	sizes []int
}{
	{0, 0, []int{8, 28}},
	{0, 0, []int{8, 100, 9}},
	{1, 0, []int{8, 8}},
	{0, 3, []int{8, 8, 8, 8}},
	{2, 3, []int{8, 12, 8}},
	{0, 2, []int{8, 70, 8}},
}

func eachDeath(t *testing.T, f func(t *testing.T, post func(w *world) *post)) {
	for _, tt := range deaths {
		t.Run(fmt.Sprintf("of %v limit %d batch %d", tt.sizes, tt.limit, tt.batch), func(t *testing.T) {
			f(t, func(w *world) *post {
				w.naps = 200
				return newPost(w, 64, tt.limit, tt.batch, tt.sizes...)
			})
		})
	}
}

func TestRingGoesOnAfterDeathOfPutter(t *testing.T) {
	eachDeath(t, func(t *testing.T, post func(w *world) *post) {
		everyDeath(t, 48, func(w *world) (*proc, func()) {
			o := post(w)
			victim := o.addPutter()
			o.addPutter()
			o.addGetter()
			o.addGetter()
			return victim, func() { o.check(t) }
		})
	})
}

func TestRingGoesOnAfterDeathOfGetter(t *testing.T) {
	eachDeath(t, func(t *testing.T, post func(w *world) *post) {
		everyDeath(t, 48, func(w *world) (*proc, func()) {
			o := post(w)
			victim := o.addGetter()
			o.addGetter()
			o.addPutter()
			return victim, func() { o.check(t) }
		})
	})
}

// Of a batch whose putter dies before it is published, nothing is there, and
// the next putter's bytes go where its bytes were.
func TestRingKeepsNothingOfBatchThatWasNotPublished(t *testing.T) {
	everyDeath(t, 10, func(w *world) (*proc, func()) {
		r, sent := newRing(256, 0, 1<<32-12, 1<<32-1), 0
		w.locks, w.naps = []Mutex{r.Put}, 20
		copied := 0
		victim := w.add(func(p *proc) {
			n, err := r.ofProcess().SendMany(context.Background(), p, 3, func(i int) []byte {
				copied = max(copied, i)
				p.point()
				return message(uint32(i), 12)
			})
			if err != nil || n != 3 {
				w.fail("SendMany() = %d, %v; want 3, nil", n, err)
			}
			sent = n
		})
		w.add(func(p *proc) {
			if err := r.ofProcess().Send(context.Background(), p, nil, []byte("next")); err != nil {
				w.fail("Send() = %v", err)
			}
		}).held = func() bool { return !victim.dead && !victim.ended }
		return victim, func() {
			env := alone{t, 9}
			r.Put.w.Store(0)
			batch := 0
			for r.Len() > 1 {
				if b, err := r.Recv(t.Context(), env, nil); err != nil || !bytes.Equal(b, message(uint32(batch), 12)) {
					t.Fatalf("Recv() = %x, %v; want message %d", b, err, batch)
				}
				batch++
			}
			if b, err := r.Recv(t.Context(), env, nil); err != nil || string(b) != "next" {
				t.Errorf("Recv() = %q, %v; want next", b, err)
			}
			if batch != 0 && batch != 3 || batch < sent {
				t.Errorf("%d of a batch of 3 arrived, of which %d were copied before the putter's death", batch, copied)
			}
		}
	})
}

// A getter that dies before it has consumed its batch leaves all of it to the
// next one; and after that, nothing.
func TestRingLosesBatchWithItsGetterOrKeepsIt(t *testing.T) {
	everyDeath(t, 10, func(w *world) (*proc, func()) {
		r := newRing(256, 0, 1<<32-12, 1<<32-1)
		w.locks, w.naps = []Mutex{r.Get}, 20
		for i := range uint32(4) {
			if err := r.TrySend(alone{t, 9}, nil, message(i, 12)); err != nil {
				t.Fatalf("TrySend() = %v", err)
			}
		}
		took := 0
		victim := w.add(func(p *proc) {
			n, err := r.ofProcess().RecvMany(context.Background(), p, 3, func(_, size int) []byte {
				p.point()
				return make([]byte, size)
			})
			if err != nil || n != 3 {
				w.fail("RecvMany() = %d, %v; want 3, nil", n, err)
			}
			took = n
		})
		var next []byte
		w.add(func(p *proc) {
			var err error
			if next, err = r.ofProcess().Recv(context.Background(), p, nil); err != nil {
				w.fail("Recv() = %v", err)
			}
		}).held = func() bool { return !victim.dead && !victim.ended }
		return victim, func() {
			first, fourth := bytes.Equal(next, message(0, 12)), bytes.Equal(next, message(3, 12))
			if !first && !fourth || first && took > 0 {
				t.Errorf("the next getter got %x; want the first of the batch, or what is behind it", next)
			}
		}
	})
}

// What a putter that is killed has copied, and not published, was never there:
// neither for who gets, nor for who puts next.
func TestRingOverwritesWhatWasNotPublished(t *testing.T) {
	for _, start := range nearWrap {
		r, env := newRing(64, 0, start.bytes, start.messages), alone{t, 1}
		for range 20 {
			r.copyFrame(bytesOf(r.Head.Load()), nil, message(7, 20), 0)
			if r.Len() != 0 || r.left() != len(r.Data) {
				t.Fatalf("Len() = %d, %d bytes left; want 0, %d", r.Len(), r.left(), len(r.Data))
			}
			if _, err := r.TryRecv(env, nil); err != ErrWouldBlock {
				t.Fatalf("TryRecv() = %v; want ErrWouldBlock", err)
			}
			if err := r.ofProcess().TrySend(env, nil, message(8, 8)); err != nil {
				t.Fatalf("TrySend() = %v", err)
			}
			if b, err := r.TryRecv(env, nil); err != nil || !bytes.Equal(b, message(8, 8)) {
				t.Fatalf("TryRecv() = %x, %v; want %x", b, err, message(8, 8))
			}
		}
	}
}
