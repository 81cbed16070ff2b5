package box

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// write prints a result. A closed pipe ends the process quietly, by SIGPIPE;
// anything else, such as a full disk, is an error.
func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// show prints a text, through a pager if it is longer than the terminal and
// there is someone to turn the pages.
func show(text string) error {
	pager := pagerCommand()
	if pager == nil || !isTerminal(os.Stdin) || !isTerminal(os.Stdout) || fits(text) {
		return write(os.Stdout, text)
	}
	// Ctrl-C is for the pager. It is caught, not ignored, since a child
	// inherits what is ignored.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGINT)
	defer signal.Stop(caught)
	pager.Stdin = strings.NewReader(text)
	pager.Stdout, pager.Stderr = os.Stdout, os.Stderr
	if err := pager.Start(); err != nil {
		return write(os.Stdout, text)
	}
	// A reader who quits early is no error, and says so by the exit code.
	_ = pager.Wait()
	return nil
}

// pagerCommand is $PAGER, which may have arguments, or less where it is
// installed; nil if there is none.
func pagerCommand() *exec.Cmd {
	if pager := os.Getenv("PAGER"); pager != "" {
		cmd := exec.Command("sh", "-c", pager)
		if os.Getenv("LESS") == "" {
			cmd.Env = append(os.Environ(), "LESS=FIRX")
		}
		return cmd
	}
	less, err := exec.LookPath("less")
	if err != nil {
		return nil
	}
	return exec.Command(less, "-FIRX")
}

// fits says whether a text is at most as long as the terminal, less one line
// for the prompt. A terminal that does not know its size is long enough.
func fits(text string) bool {
	_, rows, err := term.GetSize(int(os.Stdout.Fd()))
	return err != nil || rows <= 0 || strings.Count(text, "\n") < rows
}
