package word

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
)

// operations are all that can wait at a ring, and the Try forms.
var operations = []struct {
	name  string
	puts  bool
	tries bool
	do    func(ctx context.Context, r *Ring, env Env) error
}{
	{"Send", true, false, func(ctx context.Context, r *Ring, env Env) error { return r.Send(ctx, env, nil, []byte("x")) }},
	{"SendMany", true, false, func(ctx context.Context, r *Ring, env Env) error {
		_, err := r.SendMany(ctx, env, 2, func(int) []byte { return []byte("x") })
		return err
	}},
	{"TrySend", true, true, func(_ context.Context, r *Ring, env Env) error { return r.TrySend(env, nil, []byte("x")) }},
	{"SendAlong", true, false, func(ctx context.Context, r *Ring, env Env) error {
		return r.SendAlong(ctx, env, make([]byte, 4), []byte("x"), func(uint32) (bool, error) { return true, nil })
	}},
	{"Recv", false, false, func(ctx context.Context, r *Ring, env Env) error {
		_, err := r.Recv(ctx, env, nil)
		return err
	}},
	{"RecvInto", false, false, func(ctx context.Context, r *Ring, env Env) error {
		_, err := r.RecvInto(ctx, env, make([]byte, 0, 99))
		return err
	}},
	{"RecvMany", false, false, func(ctx context.Context, r *Ring, env Env) error {
		_, err := r.RecvMany(ctx, env, 2, func(_, size int) []byte { return make([]byte, max(size, 0)) })
		return err
	}},
	{"RecvAlong", false, false, func(ctx context.Context, r *Ring, env Env) error {
		return r.RecvAlong(ctx, env, func([]byte) {})
	}},
	{"TryRecvAlong", false, true, func(_ context.Context, r *Ring, env Env) error {
		return r.TryRecvAlong(env, func([]byte) {})
	}},
	{"TryRecv", false, true, func(_ context.Context, r *Ring, env Env) error {
		_, err := r.TryRecv(env, nil)
		return err
	}},
}

// Each that waits says so, and says before it gives up the lock that it no
// longer does; also if it waits for the lock only, or in vain. Who finds what
// it wants at once says nothing, and the Try forms never do.
func TestRingSaysThatItWaits(t *testing.T) {
	const me, other = 1, 2
	errGone := errors.New("gone")
	for _, tt := range []struct {
		name    string
		prepare func(r *Ring)
		says    []bool
		err     error // of all but the Try forms
	}{
		{"needs not wait", func(r *Ring) { r.TrySend(alone{t, me}, nil, nil) }, nil, nil},
		{"others hold the locks", func(r *Ring) {
			r.Put.w.Store(other)
			r.Get.w.Store(other)
		}, []bool{true, false}, errGone},
		{"nothing is there", func(r *Ring) {
			r.Limit = 1
			r.TrySend(alone{t, me}, nil, nil)
			if _, err := r.ofProcess().TryRecv(alone{t, me}, nil); err != nil {
				t.Fatal(err)
			}
			r.Head.Add(oneMessage) // for who puts, the ring is full
		}, []bool{true, false}, errGone},
		{"nobody is there", func(r *Ring) { r.Putters, r.Getters = nobody, nobody }, []bool{true, false}, io.EOF},
	} {
		for _, op := range operations {
			r := newRing(64, 0, 0, 0)
			tt.prepare(r)
			var says []bool
			tell := func(m Mutex) func(bool) {
				return func(on bool) {
					if says = append(says, on); !on && m.Owner() != me && m.Owner() != other {
						t.Errorf("%s, %s: the lock's owner is %d when it says that it no longer waits", tt.name, op.name, m.Owner())
					}
				}
			}
			never := func(on bool) { t.Errorf("%s, %s: waits at the wrong side: %v", tt.name, op.name, on) }
			if r.PutWaits, r.GetWaits = never, tell(r.Get); op.puts {
				r.PutWaits, r.GetWaits = tell(r.Put), never
			}
			err, want, wantErr := op.do(t.Context(), r, failing{alone{t, me}, errGone}), tt.says, tt.err
			if op.puts && wantErr == io.EOF {
				wantErr = ErrNoReader
			}
			if op.tries {
				want, wantErr = nil, err
			}
			if !slices.Equal(says, want) || err != wantErr {
				t.Errorf("%s, %s: %v, says %v; want %v, %v", tt.name, op.name, err, says, wantErr, want)
			}
			if r.Put.Owner() == me || r.Get.Owner() == me {
				t.Errorf("%s, %s: holds a lock afterwards", tt.name, op.name)
			}
		}
	}
}

// Who waits for what is to go along waits as well.
func TestRingSaysThatItWaitsForWhatGoesAlong(t *testing.T) {
	r, errGone := newRing(64, 0, 0, 0), errors.New("gone")
	var says []bool
	r.PutWaits = func(on bool) { says = append(says, on) }
	err := r.SendAlong(t.Context(), failing{alone{t, 1}, errGone}, make([]byte, 4), nil,
		func(uint32) (bool, error) { return false, nil })
	if err != errGone || !slices.Equal(says, []bool{true, false}) {
		t.Errorf("SendAlong() = %v, says %v; want that of Wait, [true false]", err, says)
	}
}

// A queue knows by the marks of who waits that nobody is left who could put:
// each holder waits in Get, and has never put. One that has taken a message
// may put on account of it, and must be seen as no longer waiting before the
// next one looks.
func TestRingEndsNotWhileOneMayPutOnAccountOfWhatItTook(t *testing.T) {
	everyOrder(t, 8000, func(w *world) func() {
		o := newPost(w, 64, 0, 0)
		w.naps = 100
		hasPut := map[*proc]bool{}
		canPut := func(p *proc) Peers {
			return func(bool) bool {
				p.point()
				defer p.point()
				return slices.ContainsFunc(w.procs, func(q *proc) bool {
					return o.open[q] && (hasPut[q] || q != p && !o.waiting[q])
				})
			}
		}
		put := func(p *proc, s string) {
			hasPut[p] = true
			if err := o.of(p).Send(context.Background(), p, nil, []byte(s)); err != nil {
				w.fail("Send() = %v", err)
			}
		}
		o.Getters = someone
		got := ""
		first := w.add(func(p *proc) {
			put(p, "a")
			o.shut(p)
		})
		o.open[first], o.getters = true, []*proc{first}
		for range 3 {
			p := w.add(func(p *proc) {
				ring := o.of(p)
				ring.Putters = canPut(p)
				for {
					b, err := ring.Recv(context.Background(), p, nil)
					if o.returned(p, err); err != nil {
						if err != io.EOF || got != "ab" {
							w.fail("Recv() = %v when %q had come; want io.EOF after ab", err, got)
						}
						break
					}
					if got += string(b); got == "a" {
						put(p, "b")
						break
					}
				}
				o.shut(p)
			})
			o.open[p], o.getters = true, append(o.getters, p)
		}
		return nil
	})
}
