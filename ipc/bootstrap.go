package ipc

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// How a child is told what it is: the environment has a marker with a
// one-time token and the number of descriptors that are for it, and descriptor
// 3 is one end of a socket pair at whose head the same token lies. A process that finds both, and takes both away, is a
// child; the marker alone, inherited by chance, makes nobody one. Behind the
// token comes a frame with the bootstrap.
//
// The socket stays open as the lifeline: its end of file tells each side that
// the other process has ended. Until then it carries the parent's commands,
// and the child's letters: the report of a target that failed, and stacks.
const (
	marker    = "GO_IPC_CHILD"
	tokenSize = 32

	lifelineFd = 3
	segmentFd  = 4 // the first of them; each segment has space.Descriptors
)

// MaxDepth is how many levels of processes there can be below the main one.
const MaxDepth = 16

// maxFrame bounds what a damaged length can make a process allocate.
const maxFrame = 1 << 36

// bootstrap is all that a child is told.
type bootstrap struct {
	Target     string
	Name       string
	Identity   []int // its number among its siblings, behind those of its ancestors
	Daemon     bool
	Mortal     bool // it ends with its parent: a daemon, or below one
	Group      bool // it leads a process group
	ParentPid  int
	ParentName string
	Comm       string // for ps: the executable's name
	Limits     Limits
	Seats      []seat // in the segments, whose descriptors follow in this order
	Files      int    // whose descriptors follow those
	Lane       int    // in the event log, whose descriptor follows those; 0: none
	Args       []byte
}

// report is what a child tells its parent of a target that failed.
type report struct {
	Err   []byte // a RemoteError
	Cause Cause
}

var (
	bootstrapPlan = registeredPlan[bootstrap]("bootstrap")
	reportPlan    = registeredPlan[report]("report")
)

// newToken makes a token: two numbers of 16 digits each.
func newToken() []byte {
	const top = 1 << 63
	t := strconv.AppendUint(nil, rand.Uint64()|top, 16)
	return strconv.AppendUint(t, rand.Uint64()|top, 16)
}

// isChild is decided when the package is initialised, before any code of the
// program can see the marker.
var isChild = claimMarker()

// claimMarker takes the marker out of the environment and the token off the
// socket, and reports whether they agree.
func claimMarker() bool {
	want, ok := os.LookupEnv(marker)
	if !ok {
		return false
	}
	os.Unsetenv(marker)
	// The parent wrote the token before it started us: it is there now, or
	// descriptor 3 is something else, from which nothing may be taken.
	got := make([]byte, tokenSize)
	n, _, err := syscall.Recvfrom(lifelineFd, got, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	if err != nil || n != tokenSize || len(want) < tokenSize || string(got) != want[:tokenSize] {
		return false
	}
	// A program that is started before Dispatch must not get what is ours.
	count, _ := strconv.Atoi(want[tokenSize:])
	for fd := range min(count, maxInherited) {
		syscall.CloseOnExec(lifelineFd + fd)
	}
	n, err = syscall.Read(lifelineFd, got)
	return n == tokenSize && err == nil
}

const maxInherited = 1 << 16

// childEnv is env with the marker for a child, the token and how many
// descriptors it is given from the lifeline on. As in exec.Cmd, the last of
// several values of a variable counts, and PWD follows dir.
func childEnv(env []string, dir string, token []byte, descriptors int) []string {
	env = slices.Clone(env)
	if dir != "" {
		env = append(env, "PWD="+dir)
	}
	env = append(env, marker+"="+string(token)+strconv.Itoa(descriptors))
	seen := map[string]bool{}
	slices.Reverse(env)
	env = slices.DeleteFunc(env, func(kv string) bool {
		key := kv[:max(0, slices.Index([]byte(kv), '='))]
		was := seen[key]
		seen[key] = key != ""
		return was
	})
	slices.Reverse(env)
	return env
}

// appendFrame appends *p to b as a length-prefixed frame.
func appendFrame(b []byte, plan *codec.Plan, p unsafe.Pointer) ([]byte, error) {
	at := len(b)
	e := codec.Encoder{Buf: append(b, make([]byte, 8)...)}
	if err := plan.Encode(&e, p); err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint64(e.Buf[at:], uint64(len(e.Buf)-at-8))
	return e.Buf, nil
}

// send writes b to the lifeline f, if wait is false only what it takes at
// once, and returns the rest. It raises no SIGPIPE when the other side is
// gone: a program that has asked for that signal would take it for its own.
func send(f *os.File, b []byte, wait bool) (rest []byte, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return b, err
	}
	werr := conn.Write(func(fd uintptr) bool {
		for len(b) > 0 {
			var n int
			n, err = syscall.SendmsgN(int(fd), b, nil, nil, noSignal)
			switch err {
			case nil:
				b = b[n:]
			case syscall.EINTR:
			case syscall.EAGAIN:
				err = nil
				return !wait
			default:
				return true
			}
		}
		return true
	})
	return b, cmp.Or(err, werr)
}

// readFrame reads what appendFrame made. A stream that ends before a whole
// frame gives io.EOF or io.ErrUnexpectedEOF.
func readFrame(r io.Reader, plan *codec.Plan, p unsafe.Pointer) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxFrame {
		return errors.New("ipc: frame is too long")
	}
	// Read as it comes: a length alone takes no memory.
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return err
	}
	if uint64(len(b)) < n {
		return io.ErrUnexpectedEOF
	}
	return plan.Decode(&codec.Decoder{Buf: b}, p)
}

// socketpair makes the lifeline: our end non-blocking, the child's as is.
func socketpair() (ours *os.File, childs int, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, -1, os.NewSyscallError("socketpair", err)
	}
	if err := errors.Join(syscall.SetNonblock(fds[0], true), quiet(fds[0]), quiet(fds[1])); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, -1, err
	}
	return os.NewFile(uintptr(fds[0]), "lifeline"), fds[1], nil
}
