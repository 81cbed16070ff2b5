package quiz_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpbox/mpbox/internal/box"
	"github.com/mpbox/mpbox/internal/quiz"
	"github.com/mpbox/mpbox/ipc"
)

// boxVar makes the test binary stand in for mpbox.
const boxVar = "MPBOX_QUIZ_TEST_BOX"

func TestMain(m *testing.M) {
	if os.Getenv(boxVar) != "" {
		os.Exit(ipc.Main(func() int { return (&box.Box{}).Run(os.Args) }))
	}
	os.Exit(m.Run())
}

// thisBox runs applets by this test binary.
func thisBox(t *testing.T) *quiz.Box {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &quiz.Box{
		Path: self,
		Step: 20 * time.Millisecond,
		Env:  []string{boxVar + "=1", "GORACE=atexit_sleep_ms=0"},
	}
}

// sameAnswer has the answers that are the same whatever the seed draws, since
// that is the point of their questions.
var sameAnswer = map[string]string{
	"spawning_process_namespace/torn":  "0",
	"myfunc/process":                   "mpbox itself, the process that you started",
	"naming_processes/default":         "Process-2",
	"naming_processes/names":           "2",
	"naming_processes/stopped":         "true",
	"process_in_subclass/pids":         "10",
	"process_in_subclass/panic":        "9",
	"derom/parts":                      "6",
	"derom/last":                       "Exiting non-daemon process",
	"derom/left":                       "none",
	"derom/killed":                     "the daemon ends, the other goes on",
	"no_bg_process/code":               "-15",
	"no_bg_process/status":             "0",
	"no_bg_process/ignored":            "-9",
	"run_bgprocess_no_dermon/numbers":  "10",
	"run_bgprocess_no_dermon/parent":   "that of a process that adopts it",
	"run_bgprocess_no_dermon/killed":   "it comes to its end",
	"killing_processes/status":         "0",
	"killing_processes/ignored":        "started, True",
	"killing_processes/stopped":        "only SIGKILL does",
	"communicating_with_queue/order":   "as they were appended",
	"communicating_with_queue/killed":  "it gets an error from Put",
	"communicating_with_pipe/last":     "End",
	"communicating_with_pipe/killed":   "the end of file, as if that were all",
	"communicating_with_pipe/unclosed": "nothing: it waits",
	"process_barrier/passed":           "far less than a step",
	"process_barrier/without":          "about a step",
	"process_barrier/late":             "the one that is in time",
	"process_barrier/killed":           "an error: the barrier is broken",
	"process_barrier/holder":           "1",
	"process_barrier/printed":          "3",
	"process_pool/workers":             "1",
	"process_pool/chunk":               "1",
	"process_pool/memory":              "one input fails: out of memory",
}

// TestAnswersComeFromRuns runs each question with several seeds. A question that
// knew its answer would have the same one for other parameters; one that missed
// what a run says would answer none or nothing.
func TestAnswersComeFromRuns(t *testing.T) {
	const most = 12 // seeds; of two equally likely answers one is missed once in 2048 times
	for _, first := range quiz.All(1, "") {
		t.Run(first.Name, func(t *testing.T) {
			same, constant := sameAnswer[first.Name]
			var answers []string
			for seed := int64(1); seed <= most; seed++ {
				answer := play(t, seed, first.Name)
				answers = append(answers, answer)
				if constant && answer != same {
					t.Errorf("seed %d: the answer is %q; want %q", seed, answer, same)
				}
				if testing.Short() || constant && seed == 2 || !constant && answer != answers[0] {
					return
				}
			}
			t.Errorf("the answers are %q: the same, whatever the seed draws", answers)
		})
	}
}

// play runs a question and checks what came of it.
func play(t *testing.T, seed int64, name string) (answer string) {
	t.Helper()
	all := quiz.All(seed, "")
	q := all[slices.IndexFunc(all, func(q quiz.Question) bool { return q.Name == name })]
	r, err := q.Play(t.Context(), thisBox(t))
	if odd, ok := errors.AsType[*quiz.OddRunError](err); ok {
		t.Fatalf("seed %d: %s: %v\n%s", seed, q.Command(), err, strings.Join(odd.Run.Lines, "\n"))
	}
	if err != nil {
		t.Fatalf("seed %d: %s: %v", seed, q.Command(), err)
	}
	if n := len(slices.DeleteFunc(slices.Clone(q.Choices), func(c string) bool { return c != r.Answer })); n != 1 {
		t.Errorf("seed %d: the answer %q is %d times among %q", seed, r.Answer, n, q.Choices)
	}
	checkText(t, r.Why)
	return r.Answer
}

// script makes a box of a shell script.
func script(t *testing.T, text string) *quiz.Box {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mpbox")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &quiz.Box{Path: path, Step: 10 * time.Millisecond}
}

func TestPlayRepeatsAnOddRunWithLongerSteps(t *testing.T) {
	steps := filepath.Join(t.TempDir(), "steps")
	q := quiz.All(1, "derom")[0]
	_, err := q.Play(t.Context(), script(t, "echo $MPBOX_STEP >>"+steps+"; echo broken; exit 3"))
	odd, ok := errors.AsType[*quiz.OddRunError](err)
	if !ok || odd.Run.Code != 3 || !slices.Equal(odd.Run.Lines, []string{"broken"}) {
		t.Fatalf("Play() = %v; want an OddRunError with the run", err)
	}
	text, err := os.ReadFile(steps)
	if want := "10ms\n50ms\n250ms\n1s\n"; err != nil || string(text) != want {
		t.Errorf("the steps were %q, %v; want %q", text, err, want)
	}
}

func TestPlayDoesNotTakeAnythingForAnAnswer(t *testing.T) {
	b := script(t, "echo nothing that anybody asked for")
	for _, q := range quiz.All(1, "") {
		if r, err := q.Play(t.Context(), b); err == nil {
			t.Errorf("%s: answer %q to such a run", q.Name, r.Answer)
		}
	}
}

func TestRunsDoNotInheritWhatChangesThem(t *testing.T) {
	t.Setenv("IPC_INLINE", "1")
	out := filepath.Join(t.TempDir(), "out")
	q := quiz.All(1, "derom")[0]
	_, _ = q.Play(t.Context(), script(t, "env >>"+out)) // odd
	text, err := os.ReadFile(out)
	if err != nil || strings.Contains(string(text), "IPC_INLINE") {
		t.Errorf("the environment is %q, %v", text, err)
	}
}

func TestCancelledPlayLeavesNoProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	b := script(t, fmt.Sprintf("sleep 1000 & echo $$ >%s.new; mv %s.new %s; sleep 1000", file, file, file))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := quiz.All(1, "derom")[0]
	ended := make(chan error, 1)
	go func() {
		_, err := q.Play(ctx, b)
		ended <- err
	}()
	var text []byte
	for text == nil {
		select {
		case err := <-ended:
			t.Fatalf("Play() = %v before it was cancelled", err)
		case <-time.After(time.Millisecond):
			text, _ = os.ReadFile(file) // there once the script is under way
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Play() = %v; want %v", err, context.Canceled)
	}
	group, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for syscall.Kill(-group, 0) == nil { // they are killed, but may not be reaped yet
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}
