package box

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/mpbox/mpbox/internal/bench"
)

// A benchPlan says how much is measured.
type benchPlan struct {
	rounds int           // samples of each side, at most
	sample time.Duration // how long a sample is meant to take
	end    time.Time     // of everything
}

// The whole of it is to end in under a minute, with Python beside it.
const benchTime = 40 * time.Second

// newPlan makes the plan of a run that begins now.
func newPlan(quick bool) benchPlan {
	end := time.Now().Add(benchTime)
	if quick {
		return benchPlan{rounds: 2, sample: 2 * time.Millisecond, end: end}
	}
	return benchPlan{rounds: 7, sample: 60 * time.Millisecond, end: end}
}

// shareEnd is when the next of so many rows that are left begins no further
// round.
func (p benchPlan) shareEnd(now time.Time, rows int) time.Time {
	return now.Add(min(p.end.Sub(now)/time.Duration(rows), 5*time.Second))
}

// stuck is how long one sample may take until it is given up.
const stuck = 10 * time.Second

// A cost is what an operation took, in the unit of its measurement.
type cost struct {
	What    string    `json:"what,omitempty"` // of a floor
	Median  float64   `json:"median"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	Samples []float64 `json:"samples"`
	Error   string    `json:"error,omitempty"`
}

// add takes one more sample in.
func (c *cost) add(sample float64) {
	c.Samples = append(c.Samples, fourDigits(sample))
	sorted := slices.Sorted(slices.Values(c.Samples))
	n := len(sorted)
	c.Min, c.Max = sorted[0], sorted[n-1]
	c.Median = fourDigits((sorted[(n-1)/2] + sorted[n/2]) / 2)
}

// known says whether there is anything to show.
func (c *cost) known() bool { return c != nil && c.Error == "" && len(c.Samples) > 0 }

// fourDigits rounds to more digits than any sample is good for.
func fourDigits(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil {
		panic(err) // it was made one line above
	}
	return v
}

// A benchRow is what came of one measurement.
type benchRow struct {
	Name   string     `json:"name"`
	Unit   bench.Unit `json:"unit"`
	Better string     `json:"better"` // lower or higher
	Ours   *cost      `json:"mpbox"`
	Python *cost      `json:"python,omitempty"`
	Floor  *cost      `json:"floor,omitempty"`
	// Ratio is how many times faster than Python we are, 0 if that is unknown.
	Ratio float64 `json:"ratio,omitempty"`
}

// compare fills in the ratio.
func (r *benchRow) compare() {
	if !r.Ours.known() || !r.Python.known() {
		return
	}
	ours, theirs := r.Ours.Median, r.Python.Median
	if r.Unit.Rate() {
		ours, theirs = theirs, ours
	}
	if ours > 0 {
		r.Ratio = fourDigits(theirs / ours)
	}
}

// A contender is one of those that a row compares: take takes a sample and
// returns the seconds of one operation.
type contender struct {
	cost *cost
	take func(sample time.Duration) (seconds float64, err error)
}

// measure makes a row: a sample of each contender in turn, so that what else
// the machine does hits them all. After end it begins no further round.
func (p benchPlan) measure(ctx context.Context, m *bench.Measurement, peer *python, end time.Time) benchRow {
	row := benchRow{Name: m.Name, Unit: m.Unit, Better: "lower", Ours: &cost{}}
	if m.Unit.Rate() {
		row.Better = "higher"
	}
	ours := newSampler(ctx, m.Begin)
	defer ours.close()
	contenders := []contender{{row.Ours, ours.take}}
	if peer != nil {
		row.Python = &cost{}
		contenders = append(contenders, contender{row.Python, func(sample time.Duration) (float64, error) {
			return peer.take(ctx, m.Name, sample)
		}})
	}
	if m.Floor != "" {
		floor := newSampler(ctx, m.BeginFloor)
		defer floor.close()
		row.Floor = &cost{What: m.Floor}
		contenders = append(contenders, contender{row.Floor, floor.take})
	}
	p.take(ctx, m, contenders, end)
	row.compare()
	return row
}

// take takes the samples. The first ones warm up, and do not count.
func (p benchPlan) take(ctx context.Context, m *bench.Measurement, contenders []contender, end time.Time) {
	for round := range p.rounds + 1 {
		if ctx.Err() != nil || round > 1 && time.Now().After(end) {
			return
		}
		for _, c := range contenders {
			if c.cost.Error != "" {
				continue
			}
			seconds, err := c.take(p.sample)
			switch {
			case err != nil:
				c.cost.Error = oneLine(err)
			case round > 0:
				c.cost.add(m.Value(seconds))
			}
		}
	}
}

// A sampler takes the samples of a session.
type sampler struct {
	session *bench.Session
	err     error // why there is none
	giveUp  context.CancelFunc
	n       int // operations of the next sample, 0 before the first
}

func newSampler(ctx context.Context, begin func(context.Context) (*bench.Session, error)) *sampler {
	ctx, cancel := context.WithCancel(ctx)
	session, err := begin(ctx)
	return &sampler{session: session, err: err, giveUp: cancel}
}

func (s *sampler) close() {
	s.giveUp()
	if s.session != nil {
		s.session.Close()
	}
}

// take takes a sample. The first one finds out how many operations it takes.
func (s *sampler) take(sample time.Duration) (seconds float64, err error) {
	if s.err != nil {
		return 0, s.err
	}
	alarm := time.AfterFunc(stuck, s.giveUp)
	count := takeSample
	if s.n == 0 {
		count = warmUp
	}
	seconds, s.n, err = count(s.session.Run, max(1, s.n), sample)
	if !alarm.Stop() {
		err = fmt.Errorf("no end of it after %v", stuck)
	}
	return seconds, err
}

// warmUp does operations until it knows how many make a sample: next. A delay
// of one run must not look like a slow operation, so the fastest of three
// runs counts.
func warmUp(run func(n int) error, n int, sample time.Duration) (seconds float64, next int, err error) {
	for {
		fastest := time.Duration(math.MaxInt64)
		for i := range 3 {
			took, err := timed(run, n)
			if err != nil {
				return 0, n, err
			}
			fastest = min(fastest, took)
			if i > 0 && fastest > 2*sample {
				break // that was no delay
			}
		}
		next = scaled(n, sample, fastest, 50)
		if fastest >= sample/4 {
			return fastest.Seconds() / float64(n), next, nil
		}
		n = next
	}
}

// takeSample does n operations, or more if it turns out that these do not make
// a sample, and says how many to begin with next time.
func takeSample(run func(n int) error, n int, sample time.Duration) (seconds float64, next int, err error) {
	for {
		took, err := timed(run, n)
		if err != nil {
			return 0, n, err
		}
		next = max(scaled(n, sample, took, 4), n/2)
		if took >= sample/2 {
			return took.Seconds() / float64(n), next, nil
		}
		n = next
	}
}

// timed says how long n operations take, at least a nanosecond.
func timed(run func(n int) error, n int) (time.Duration, error) {
	begin := time.Now()
	err := run(n)
	return max(time.Since(begin), 1), err
}

// scaled is how many operations make a sample if n took that long; but not
// more than most times n.
func scaled(n int, sample, took time.Duration, most float64) int {
	return max(1, int(float64(n)*min(float64(sample)/float64(took), most)))
}
