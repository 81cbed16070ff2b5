package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/mpbox/mpbox/internal/bench"
)

// A benchCommand is mpbox bench [PATTERN].
type benchCommand struct {
	Pattern string `arg:"" optional:"" help:"The name of a measurement, a part of names, or a pattern such as round_trip/*."`
	Peers   bool   `help:"Measure the same in Python, in turn, if python3 is there."`
	JSON    bool   `name:"json" help:"One JSON document, with all samples."`
	Quick   bool   `help:"Few and short samples: to see that it works, not how fast."`
}

func (c *benchCommand) Help() string {
	return "Measures what processes, pipes, queues, locks and pools cost on this machine, in less than a minute, " +
		"and prints medians. The page `mpbox explain bench` says what each line is.\n\nExamples:\n\n" +
		"    mpbox bench --peers\n    mpbox bench queue --json"
}

func (c *benchCommand) run(b *Box) error {
	chosen, err := c.choose(bench.All())
	if err != nil {
		return err
	}
	return underGuard(func(ctx context.Context) error {
		err := c.measure(ctx, b.Build, chosen)
		if errors.Is(err, syscall.EPIPE) {
			return &refusal{code: exitSignal + int(syscall.SIGPIPE)} // nobody reads on: nothing to say
		}
		return err
	}, 0)
}

// choose lists the measurements that the pattern means, as mpbox test does
// with the names of scripts.
func (c *benchCommand) choose(all []bench.Measurement) ([]bench.Measurement, error) {
	var names []string
	var chosen []bench.Measurement
	for _, m := range all {
		name := strings.ToLower(m.Name)
		names = append(names, m.Name)
		if name == fold(c.Pattern) {
			return []bench.Measurement{m}, nil
		}
		matched, err := path.Match(fold(c.Pattern), name)
		if err != nil {
			return nil, usageError("the pattern %q is malformed", c.Pattern)
		}
		if matched || strings.Contains(name, fold(c.Pattern)) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		r := usageError("no measurement matches %q", c.Pattern)
		r.hint = notFound("", "", nearest(fold(c.Pattern), names), "The measurements: "+strings.Join(names, ", ")).hint
		return nil, r
	}
	return chosen, nil
}

// measure makes the rows and prints them.
func (c *benchCommand) measure(ctx context.Context, build Build, chosen []bench.Measurement) error {
	plan := newPlan(c.Quick)
	doc := newBenchDocument(build, plan)
	var peer *python
	if c.Peers {
		var err error
		if peer, err = startPython(ctx); err != nil {
			doc.PythonError = oneLine(err)
		} else {
			defer peer.close(ctx)
			doc.Python = peer.version
		}
	}
	out := c.printer(peer != nil)
	if err := out.head(doc); err != nil {
		return err
	}
	progress := newProgress(len(chosen))
	defer progress.clear()
	for i, m := range chosen {
		progress.show(m.Name)
		row := plan.measure(ctx, &m, peer, plan.shareEnd(time.Now(), len(chosen)-i))
		progress.clear()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		doc.Rows = append(doc.Rows, row)
		if err := out.row(&row); err != nil {
			return err
		}
	}
	if err := out.foot(doc); err != nil {
		return err
	}
	return doc.failure()
}

// failure is what went wrong with measurements of ours. What did with Python's
// is in the table.
func (d *benchDocument) failure() error {
	var errs []error
	for _, r := range d.Rows {
		if r.Ours.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s", r.Name, r.Ours.Error))
		}
	}
	return errors.Join(errs...)
}

// A benchDocument is all that was measured, as --json prints it.
type benchDocument struct {
	Mpbox       string     `json:"mpbox"`
	Machine     machine    `json:"machine"`
	Python      string     `json:"python,omitempty"` // version and start method
	PythonError string     `json:"python_error,omitempty"`
	Rounds      int        `json:"rounds"`
	SampleMS    float64    `json:"sample_ms"`
	Rows        []benchRow `json:"rows"`
}

func newBenchDocument(build Build, plan benchPlan) *benchDocument {
	return &benchDocument{
		Mpbox:    build.String(),
		Machine:  thisMachine(),
		Rounds:   plan.rounds,
		SampleMS: plan.sample.Seconds() * 1000,
	}
}

// A benchPrinter prints what is measured: rows as they come, or a document at
// the end.
type benchPrinter interface {
	head(d *benchDocument) error
	row(r *benchRow) error
	foot(d *benchDocument) error
}

func (c *benchCommand) printer(peers bool) benchPrinter {
	if c.JSON {
		return benchJSON{}
	}
	return benchTable{width(), benchColumns(width(), peers)}
}

// benchJSON prints the document.
type benchJSON struct{}

func (benchJSON) head(*benchDocument) error { return nil }
func (benchJSON) row(*benchRow) error       { return nil }

func (benchJSON) foot(d *benchDocument) error {
	text, err := d.json()
	if err != nil {
		return err
	}
	return write(os.Stdout, text)
}

func (d *benchDocument) json() (string, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return string(text) + "\n", err
}

// A progress is a line on the terminal that says what is being measured.
type progress struct {
	on      bool
	n, all  int
	visible int // columns to be cleared
}

func newProgress(all int) *progress {
	return &progress{on: isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb", all: all}
}

// show replaces the line. The cursor goes back to its beginning, so that
// whatever else is printed does not come after it.
func (p *progress) show(name string) {
	p.n++
	if p.on {
		line := fmt.Sprintf("%d of %d: %s", p.n, p.all, name)
		p.visible = len(line)
		fmt.Fprint(os.Stderr, line+"\r")
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.visible > 0 {
		fmt.Fprint(os.Stderr, strings.Repeat(" ", p.visible)+"\r")
		p.visible = 0
	}
}
