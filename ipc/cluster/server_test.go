package cluster_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serverProgram builds the nats-server program, of the version that go.mod
// names, once for all tests of a run.
var serverProgram = sync.OnceValues(func() (string, error) {
	sweepPrograms()
	var err error
	if programFolder, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", programPrefix, os.Getpid())); err != nil {
		return "", err
	}
	program := filepath.Join(programFolder, "nats-server")
	out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build nats-server: %w\n%s", err, out)
	}
	return program, nil
})

var programFolder string

const programPrefix = "cluster-test-" // of the names of such folders; then the pid

// removeProgram is for the end of the run.
func removeProgram() {
	if programFolder != "" {
		_ = os.RemoveAll(programFolder)
	}
}

// sweepPrograms removes the programs of runs that came to no good end.
func sweepPrograms() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), programPrefix+"*"))
	for _, folder := range folders {
		if isDead(strings.TrimPrefix(filepath.Base(folder), programPrefix)) {
			_ = os.RemoveAll(folder)
		}
	}
}

// isDead reports whether a name begins with the pid of a process that is no more.
func isDead(name string) bool {
	digits, _, _ := strings.Cut(name, "-")
	pid, err := strconv.Atoi(digits)
	return err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// A server is a nats-server process of a test. It can be ended and started
// again, with the files that it has left.
type server struct {
	t    testing.TB
	dir  string   // where its log and its streams are
	conf string   // the file with its configuration
	addr string   // for clients, host:port
	env  []string // that its configuration refers to
	run  []string // the command that it is run by, empty for none
	cmd  *exec.Cmd
	said int64         // how long the log was when the process was started
	gone chan struct{} // closed when the process has ended
}

// newServer makes a server that listens at addr as a file says, and is not
// started yet. When the test ends, so does the server; its log is shown if the
// test has failed.
func newServer(t testing.TB, addr, conf string, env ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), conf: conf, addr: addr}
	s.env = append(os.Environ(), "NATS_LISTEN="+addr, "NATS_STORE="+filepath.Join(s.dir, "store"))
	s.env = append(s.env, env...)
	t.Cleanup(func() {
		s.signal(syscall.SIGKILL)
		if t.Failed() {
			log, _ := os.ReadFile(s.log())
			t.Logf("log of the server at %s:\n%s", s.addr, log[max(0, len(log)-1<<16):])
		}
	})
	return s
}

func (s *server) log() string { return filepath.Join(s.dir, "log") }
func (s *server) url() string { return "nats://" + s.addr }

// start starts the process and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.await()
}

// await waits until the server answers.
func (s *server) await() {
	s.t.Helper()
	for !s.answers() {
		select {
		case <-s.gone:
			log, _ := os.ReadFile(s.log())
			s.t.Fatalf("nats-server ended: %v\n%s", s.cmd.ProcessState, log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// launch starts the process.
func (s *server) launch() {
	s.t.Helper()
	program, err := serverProgram()
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	if s.said, err = log.Seek(0, io.SeekEnd); err != nil {
		s.t.Fatal(err)
	}
	line := append(append([]string{}, s.run...), program, "-c", s.conf)
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, log, log
	if s.gone, err = startBound(s.cmd); err != nil {
		s.t.Fatal(err)
	}
}

// answers reports whether the server has said that it is ready. It says so in
// its log when it listens, which is also seen from another network.
func (s *server) answers() bool {
	log, _ := os.ReadFile(s.log())
	return bytes.Contains(log[min(s.said, int64(len(log))):], []byte("Server is ready"))
}

// stop has the server end in order, and kill at once.
func (s *server) stop() { s.signal(syscall.SIGTERM) }
func (s *server) kill() { s.signal(syscall.SIGKILL) }

func (s *server) signal(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("%v to nats-server: %v", sig, err)
	}
	<-s.gone
	s.cmd = nil
}

// freeAddr is an address on loopback at which nobody listens. The port is not
// one of those that the system takes for connections, so that a server that is
// started again has it still.
func freeAddr(t testing.TB) string {
	t.Helper()
	const first, last = 20_000, 32_000
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first)))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}
