package word

import (
	"math/rand/v2"
	"testing"

	"github.com/mpbox/mpbox/ipc/internal/watchdog"
)

// model does what a ring does, with a slice.
type model struct {
	size, limit int
	messages    []modelled
}

type modelled struct {
	body []byte
	cost int  // bytes in the ring
	long bool // in several frames
}

// a is the message of n bytes as Send puts it.
func (m *model) a(id uint32, n int) modelled {
	whole, size := m.size/4-header, func(n int) int { return (n+3)&^3 + header }
	if n <= whole {
		return modelled{message(id, n), size(n), false}
	}
	return modelled{message(id, n), size(8) + n/whole*size(whole) + min(n%whole, 1)*size(n%whole), true}
}

func (m *model) used() (n int) {
	for _, b := range m.messages {
		n += b.cost
	}
	return n
}

func (m *model) fits(b modelled) bool {
	return m.used()+b.cost <= m.size && (m.limit == 0 || len(m.messages) < m.limit)
}

// trySend is what TrySend does, which knows one frame only.
func (m *model) trySend(id uint32, n int) error {
	b := modelled{message(id, n), (n+3)&^3 + header, false}
	if b.cost > m.size/2 || !m.fits(b) {
		return ErrWouldBlock
	}
	m.messages = append(m.messages, b)
	return nil
}

// sendMany is what SendMany does if the first fits.
func (m *model) sendMany(all []modelled) (done int) {
	for ; done < len(all) && m.fits(all[done]) && (done == 0 || !all[done].long); done++ {
		m.messages = append(m.messages, all[done])
		if all[done].long {
			return 1
		}
	}
	return done
}

// take takes up to n messages, as RecvMany does: a long one for itself.
func (m *model) take(n int) (got [][]byte) {
	for len(got) < n && len(m.messages) > 0 && (len(got) == 0 || !m.messages[0].long) {
		b := m.messages[0]
		if m.messages, got = m.messages[1:], append(got, b.body); b.long {
			break
		}
	}
	return got
}

// againstModel reads operations from ops and does them to a ring, as one of
// three processes, and to the model.
func againstModel(t *testing.T, r *Ring, ops []byte) {
	m := &model{size: len(r.Data), limit: int(r.Limit)}
	views := []*Ring{r.ofProcess(), r.ofProcess(), r.ofProcess()}
	for id := uint32(0); len(ops) > 2; id++ {
		op, who, n := ops[0], int(ops[1])%3, int(ops[2])%(m.size/2+8)
		ops = ops[3:]
		view, env := views[who], alone{t, uint32(who + 1)}
		switch op % 6 {
		case 0: // less than half put, or the ring is full all the time
			if got, want := view.TrySend(env, nil, message(id, n)), m.trySend(id, n); got != want {
				t.Fatalf("%d: TrySend() of %d bytes = %v; want %v", id, n, got, want)
			}
		case 1:
			if b := m.a(id, n); m.fits(b) {
				m.messages = append(m.messages, b)
				if err := view.Send(t.Context(), env, b.body[:n/2], b.body[n/2:]); err != nil {
					t.Fatalf("%d: Send() of %d bytes = %v", id, n, err)
				}
			}
		case 2:
			all := []modelled{m.a(id, n/3), m.a(id+1, n/2), m.a(id+2, n), m.a(id+3, n/4)}
			if !m.fits(all[0]) {
				continue // it would wait
			}
			got, err := view.SendMany(t.Context(), env, len(all), func(i int) []byte { return all[i].body })
			// It may not know yet of all the room there is.
			if got < 1 || err != nil {
				t.Fatalf("%d: SendMany() = %d, %v; want 1 at least, nil", id, got, err)
			}
			if can := m.sendMany(all[:got]); can != got {
				t.Fatalf("%d: SendMany() = %d; there is room for %d", id, got, can)
			}
		case 3, 4:
			got, err := view.TryRecv(env, nil)
			if want := m.take(1); want == nil && err != ErrWouldBlock ||
				want != nil && (err != nil || !same(got, want[0])) {
				t.Fatalf("%d: TryRecv() = %x, %v; want %x", id, got, err, want)
			}
		case 5:
			if len(m.messages) == 0 {
				continue // it would wait
			}
			got, err := recvMany(t, view, env, n%4+1)
			// It may not know yet of all the messages there are.
			if want := m.take(len(got)); len(got) < 1 || len(got) > n%4+1 || err != nil || !equal(got, want) {
				t.Fatalf("%d: RecvMany() of %d = %x, %v; want %x", id, n%4+1, got, err, want)
			}
		}
		if r.Len() != len(m.messages) || r.left() != m.size-m.used() {
			t.Fatalf("%d: Len() = %d, %d bytes left; want %d, %d",
				id, r.Len(), r.left(), len(m.messages), m.size-m.used())
		}
	}
}

func TestRingBehavesAsSlice(t *testing.T) {
	watchdog.Start(t)
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(rnd.Uint32())
		}
		start := nearWrap[seed%uint64(len(nearWrap))]
		againstModel(t, newRing(64<<(seed/4%4), uint32(seed%3), start.bytes, start.messages), ops)
	}
}

func FuzzRing(f *testing.F) {
	f.Add(uint32(0), uint32(0), uint8(0), []byte{0, 0, 12, 0, 0, 0, 3, 1, 0})
	f.Add(uint32(1<<32-4), uint32(1<<32-1), uint8(1), []byte{0, 0, 28, 3, 0, 0, 0, 1, 27})
	f.Add(uint32(1<<32-4), uint32(1<<32-1), uint8(0), []byte{0, 0, 0, 0, 1, 60, 0, 2, 60, 3, 0, 0, 5, 1, 3})
	f.Add(uint32(1<<32-100), uint32(1<<32-3), uint8(3), []byte{1, 0, 70, 2, 1, 9, 5, 2, 3, 1, 1, 71, 5, 0, 2, 4, 0, 0})
	f.Fuzz(func(t *testing.T, bytesBefore, before uint32, limit uint8, ops []byte) {
		againstModel(t, newRing(128, uint32(limit), bytesBefore, before), ops)
	})
}
