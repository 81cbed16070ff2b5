package box

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/mpbox/mpbox/applets"
	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/timeline"
)

// Pictures says how a run is to be shown.
type Pictures struct {
	Timeline bool   `help:"Show what the processes did, and when."`
	Trace    string `help:"Write that as a trace for Perfetto, ui.perfetto.dev." placeholder:"FILE"`
	SVG      string `name:"svg" help:"Write that as a still picture." placeholder:"FILE"`
	Mermaid  string `help:"Write that as a sequence diagram." placeholder:"FILE"`
}

// An appletCall is an applet with the flags that the box gives to each.
type appletCall struct {
	applets.Command
	Pictures
}

// Validate is called by kong; its error is a usage error.
func (c *appletCall) Validate() error {
	if v, ok := c.Command.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// A drawing is a picture that is to be made of a log.
type drawing struct {
	file *os.File
	draw func(*timeline.Log, io.Writer) error
}

// open opens the files that were asked for, so that one that can't be written is
// an error before anything has run.
func (p *Pictures) open() (drawings []drawing, err error) {
	if p.Timeline {
		drawings = append(drawings, drawing{os.Stdout, drawText})
	}
	files := []struct {
		name string
		draw func(*timeline.Log, io.Writer) error
	}{
		{p.Trace, (*timeline.Log).WriteTrace},
		{p.SVG, (*timeline.Log).WriteSVG},
		{p.Mermaid, (*timeline.Log).WriteMermaid},
	}
	for _, f := range files {
		if f.name == "" {
			continue
		}
		file, err := os.Create(f.name)
		if err != nil {
			return nil, err
		}
		drawings = append(drawings, drawing{file, f.draw})
	}
	return drawings, nil
}

func drawText(l *timeline.Log, w io.Writer) error {
	return l.WriteText(w, timeline.TextOptions{Width: pictureWidth(), ASCII: !isTerminal(os.Stdout), Color: colour(), Height: pictureHeight()})
}

func drawAll(l *timeline.Log, drawings []drawing) error {
	var errs []error
	for _, d := range drawings {
		err := d.draw(l, d.file)
		if d.file != os.Stdout {
			err = errors.Join(err, d.file.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// record begins the event log of an applet's run, if it is to be shown.
func (b *Box) record(p *Pictures) error {
	if *p == (Pictures{}) {
		return nil
	}
	log, err := os.CreateTemp("", "mpbox-")
	if err != nil {
		return err
	}
	// Without a name, it is gone with the last process that has it.
	if err := os.Remove(log.Name()); err != nil {
		return err
	}
	if err := ipc.Record(log); err == ipc.ErrRecording {
		return &refusal{exitUsage, "IPC_LOG has the run recorded already", "Draw that file with `mpbox timeline`, or unset IPC_LOG."}
	} else if err != nil {
		return err
	}
	b.log = log
	b.drawings, err = p.open()
	return err
}

// Draw shows the run as its flags have asked, when all its processes have
// ended: after [ipc.Main]. Code is the exit code so far, and what it returns is
// the one to end with.
func (b *Box) Draw(code int) int {
	if b.log == nil {
		return code
	}
	l, err := timeline.Read(b.log)
	if err == nil {
		err = drawAll(l, b.drawings)
	}
	if err != nil {
		return max(code, report(fmt.Errorf("timeline: %w", err)))
	}
	return code
}

// A timelineCommand is mpbox timeline FILE.
type timelineCommand struct {
	Log     string `arg:"" name:"file" help:"The file that IPC_LOG named, or ipc.Record was given."`
	Trace   string `help:"Write a trace for Perfetto, ui.perfetto.dev." placeholder:"FILE"`
	SVG     string `name:"svg" help:"Write a still picture." placeholder:"FILE"`
	Mermaid string `help:"Write a sequence diagram." placeholder:"FILE"`
}

func (c *timelineCommand) Help() string {
	return "Shows what the processes of any program that uses package ipc did, and when, " +
		"if it was run with IPC_LOG=FILE in its environment. With --trace, --svg or " +
		"--mermaid it writes that file instead.\n\nExamples:\n\n" +
		"    IPC_LOG=run.log mpbox process_barrier\n    mpbox timeline run.log\n" +
		"    mpbox timeline run.log --svg run.svg"
}

func (c *timelineCommand) run(*Box) error {
	file, err := os.OpenFile(c.Log, syscall.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not hold us
	if err != nil {
		return err
	}
	defer file.Close()
	l, err := timeline.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Log, err)
	}
	p := Pictures{Trace: c.Trace, SVG: c.SVG, Mermaid: c.Mermaid}
	p.Timeline = p == Pictures{}
	drawings, err := p.open()
	if err != nil {
		return err
	}
	return drawAll(l, drawings)
}
