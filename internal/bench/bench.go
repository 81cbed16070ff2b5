// Package bench measures what the operations of package ipc cost on this
// machine: the loops that mpbox bench and the benchmarks of this package share.
//
// Each loop runs against real processes. The children find their targets here,
// so this package is initialised in every child of mpbox: it imports what is
// cheap, and what prints or compares is elsewhere.
package bench

import "context"

// A Measurement is an operation whose cost is of interest.
type Measurement struct {
	// Name is short, unique, and what is typed to pick it: queue/4:1.
	Name string
	// Unit is what its cost is given in.
	Unit Unit
	// Amount is how many bytes or items one operation moves, for the units
	// that are rates.
	Amount int
	// Floor names the part of Go's standard library that does the least of
	// what is measured; empty if there is none.
	Floor string

	begin, beginFloor setup
}

// All returns the measurements, in the order in which they are shown. They
// are no variable, since every child of the box would pay for it.
func All() []Measurement {
	return []Measurement{
		{"start_join", Milliseconds, 0, "os.StartProcess of true", startJoin, startTrue},
		{"round_trip/8B", Microseconds, 0, "two os.Pipe", roundTrip(8), roundTripOfPipes(8)},
		{"round_trip/1KiB", Microseconds, 0, "two os.Pipe", roundTrip(1 << 10), roundTripOfPipes(1 << 10)},
		{"round_trip/64KiB", Microseconds, 0, "two os.Pipe", roundTrip(64 << 10), roundTripOfPipes(64 << 10)},
		{"round_trip/1MiB", Microseconds, 0, "two os.Pipe", roundTrip(1 << 20), roundTripOfPipes(1 << 20)},
		{"stream/64KiB", Gigabytes, 64 << 10, "os.Pipe", stream(64 << 10), streamOfPipe(64 << 10)},
		{"stream/1MiB", Gigabytes, 1 << 20, "os.Pipe", stream(1 << 20), streamOfPipe(1 << 20)},
		{"queue/1:1", Millions, 1, "", queue(1, 1), nil},
		{"queue/4:1", Millions, 1, "", queue(4, 1), nil},
		{"queue/1:4", Millions, 1, "", queue(1, 4), nil},
		{"queue/4:4", Millions, 1, "", queue(4, 4), nil},
		{"batch/1:1", Millions, batch, "", batches(1, 1), nil},
		{"batch/4:1", Millions, batch, "", batches(4, 1), nil},
		{"batch/1:4", Millions, batch, "", batches(1, 4), nil},
		{"batch/4:4", Millions, batch, "", batches(4, 4), nil},
		{"lock/free", Nanoseconds, 0, "sync.Mutex", lockFree, mutexFree},
		{"lock/2", Nanoseconds, 0, "", lockContended(2), nil},
		{"lock/4", Nanoseconds, 0, "", lockContended(4), nil},
		{"rlock/free", Nanoseconds, 0, "", rlockFree, nil},
		{"semaphore", Microseconds, 0, "", semaphorePingPong, nil},
		{"event", Microseconds, 0, "", eventPingPong, nil},
		{"condition", Microseconds, 0, "", condPingPong, nil},
		{"barrier/2", Microseconds, 0, "", barrier(2), nil},
		{"barrier/4", Microseconds, 0, "", barrier(4), nil},
		{"barrier/8", Microseconds, 0, "", barrier(8), nil},
		{"value/add", Nanoseconds, 0, "atomic.Int64", valueAdd, atomicAdd},
		{"new/lock", Microseconds, 0, "", newLock, nil},
		{"new/queue", Microseconds, 0, "", newQueue, nil},
		{"new/pipe", Microseconds, 0, "", newPipe, nil},
		{"pool/chunk1", Thousands, 1, "", poolMap(1), nil},
		{"pool/auto", Thousands, 1, "", poolMap(0), nil},
		{"pool/life", Milliseconds, 0, "", poolLife, nil},
	}
}

// Begin starts the children of the measurement. The session must be closed.
// It ends when ctx does.
func (m *Measurement) Begin(ctx context.Context) (*Session, error) { return begin(ctx, m.begin) }

// BeginFloor is Begin for the floor. The session is nil if there is none here.
func (m *Measurement) BeginFloor(ctx context.Context) (*Session, error) {
	if m.beginFloor == nil {
		return nil, nil
	}
	return begin(ctx, m.beginFloor)
}

// Value is what one operation that takes so many seconds comes to, in the
// unit of the measurement.
func (m *Measurement) Value(seconds float64) float64 {
	if m.Unit.Rate() {
		return float64(m.Amount) / seconds / m.Unit.size()
	}
	return seconds / m.Unit.size()
}

// A Unit is a unit of time, of which less is better, or a rate, of which more
// is.
type Unit string

// The units of the measurements.
const (
	Milliseconds Unit = "ms"
	Microseconds Unit = "us"
	Nanoseconds  Unit = "ns"
	Gigabytes    Unit = "GB/s"
	Millions     Unit = "M/s"
	Thousands    Unit = "k/s"
)

// Rate reports whether more is better.
func (u Unit) Rate() bool {
	return u == Gigabytes || u == Millions || u == Thousands
}

// size is the unit in seconds, or in bytes or items a second.
func (u Unit) size() float64 {
	return map[Unit]float64{
		Milliseconds: 1e-3, Microseconds: 1e-6, Nanoseconds: 1e-9,
		Gigabytes: 1e9, Millions: 1e6, Thousands: 1e3,
	}[u]
}
