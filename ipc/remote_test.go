package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

var (
	errLost  = errors.New("lost the way")
	errLate  = fmt.Errorf("late: %w", errLost)
	errQuiet = errors.New("not registered")
)

// shortfall is registered as a value, phase and the others as pointers.
type shortfall struct{ Want, Got int }

func (s shortfall) Error() string { return fmt.Sprint("want ", s.Want, ", got ", s.Got) }

// phase has an error in a field, and wraps it.
type phase struct {
	Name  string
	Cause error
}

func (s *phase) Error() string { return s.Name + ": " + fmt.Sprint(s.Cause) }
func (s *phase) Unwrap() error { return s.Cause }

// sealed travels by methods that leave out what it wraps.
type sealed struct{ how string }

func (s *sealed) Error() string {
	if s.how == "broken" {
		panic(s.how)
	}
	return "sealed, " + s.how
}

func (s *sealed) Unwrap() error {
	switch s.how {
	case "Unwrap panics":
		panic(s.how)
	case "wraps itself":
		return s
	case "came":
		return nil
	}
	return errLost
}

func (s *sealed) MarshalBinary() ([]byte, error) {
	switch s.how {
	case "MarshalBinary panics":
		panic(s.how)
	case "MarshalBinary fails":
		return nil, errQuiet
	}
	return []byte(s.how), nil
}

func (s *sealed) UnmarshalBinary(b []byte) error {
	switch s.how = string(b); s.how {
	case "UnmarshalBinary panics":
		panic(s.how)
	case "UnmarshalBinary fails":
		return errQuiet
	case "forgets what it wraps":
		s.how = "came"
	case "broken in the parent":
		s.how = "broken"
	}
	return nil
}

// foreign is not registered.
type foreign struct{ error }

func (f foreign) Is(target error) bool { return target == errLate }
func (f foreign) Unwrap() error        { return f.error }

// bulky does not fit into a report.
type bulky struct{ Data []byte }

func (*bulky) Error() string { return "bulky" }

func init() {
	ipc.RegisterError(errLost, errLate)
	ipc.Register[shortfall]()
	ipc.Register[*phase]()
	ipc.Register[*sealed]()
	ipc.Register[*bulky]()
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// asError asks for an error of type E, at any depth, of which same is true.
func asError[E error](same func(E) bool) func(error) bool {
	return func(err error) bool {
		for {
			e, found := errors.AsType[E](err)
			if !found || same(e) {
				return found
			}
			err = below(e)
		}
	}
}

// below is what err wraps.
func below(err error) error {
	if e, one := err.(interface{ Unwrap() error }); one {
		return e.Unwrap()
	}
	if e, many := err.(interface{ Unwrap() []error }); many {
		return errors.Join(e.Unwrap()...)
	}
	return nil
}

func not(f func(error) bool) func(error) bool { return func(err error) bool { return !f(err) } }

func anySealed(*sealed) bool { return true }

func chain(err error, depth int) error {
	for range depth {
		err = fmt.Errorf("-%w", err)
	}
	return err
}

// borderErrors are errors of a child, and what has to be true of them in its
// parent.
var borderErrors = []struct {
	name string
	make func() error
	want []func(error) bool
}{
	{"sentinel", func() error { return errLost }, []func(error) bool{isError(errLost), not(isError(io.EOF))}},
	{"wrapped", func() error { return chain(errLost, 5) }, []func(error) bool{isError(errLost)}},
	{"wrapped too deep", func() error { return chain(errLost, 5000) }, nil},
	{"sentinel that wraps", func() error { return errLate }, []func(error) bool{isError(errLate), isError(errLost)}},
	{"joined", func() error { return errors.Join(errQuiet, io.ErrUnexpectedEOF, chain(errors.Join(errLost), 1)) },
		[]func(error) bool{isError(errLost), isError(io.ErrUnexpectedEOF), not(isError(errQuiet))}},
	{"two of Errorf", func() error { return fmt.Errorf("%w, %w", context.DeadlineExceeded, ipc.ErrOwnerDied) },
		[]func(error) bool{isError(context.DeadlineExceeded), isError(ipc.ErrOwnerDied)}},
	{"value", func() error { return chain(shortfall{2, 1}, 1) },
		[]func(error) bool{isError(shortfall{2, 1}), asError(func(s shortfall) bool { return s.Got == 1 })}},
	{"pointer", func() error { return chain(&faultAt{7}, 1) },
		[]func(error) bool{asError(func(f *faultAt) bool { return f.Line == 7 })}},
	{"nil pointer", func() error { return chain(foreign{(*phase)(nil)}, 1) }, nil},
	{"error in a field", func() error { return &phase{"load", &phase{"open", chain(errLost, 1)}} },
		[]func(error) bool{isError(errLost), asError(func(s *phase) bool {
			return s.Error() == "load: open: -lost the way" && s.Name == "load" && s.Cause.(*phase).Name == "open"
		})}},
	{"known error in a field", func() error { return &phase{"load", errLost} },
		[]func(error) bool{asError(func(s *phase) bool { return s.Cause == errLost })}},
	{"unknown error in a field", func() error { return &phase{"load", errQuiet} },
		[]func(error) bool{asError(func(s *phase) bool { return s.Error() == "load: not registered" })}},
	{"no error in a field", func() error { return &phase{"load", nil} },
		[]func(error) bool{asError(func(s *phase) bool { return s.Cause == nil })}},
	{"Errno", func() error { return chain(syscall.ENOENT, 1) },
		[]func(error) bool{isError(syscall.ENOENT), isError(fs.ErrNotExist), not(isError(fs.ErrExist))}},
	{"PathError", func() error { _, err := os.Open("/no/such"); return err },
		[]func(error) bool{isError(fs.ErrNotExist), asError(func(e *fs.PathError) bool {
			return *e == fs.PathError{Op: "open", Path: "/no/such", Err: syscall.ENOENT}
		})}},
	{"SyscallError", func() error { return os.NewSyscallError("futex", syscall.EPERM) },
		[]func(error) bool{isError(fs.ErrPermission), asError(func(e *os.SyscallError) bool {
			return *e == os.SyscallError{Syscall: "futex", Err: syscall.EPERM}
		})}},
	{"NumError", func() error { _, err := strconv.Atoi("x"); return err },
		[]func(error) bool{isError(strconv.ErrSyntax), asError(func(e *strconv.NumError) bool { return e.Num == "x" })}},
	{"TaskError", func() error { return &ipc.TaskError{Index: 3, Attempts: 2, Err: chain(errLost, 1)} },
		[]func(error) bool{isError(errLost), asError(func(e *ipc.TaskError) bool {
			return e.Index == 3 && e.Attempts == 2 && e.Error() == "ipc: task 3 (attempt 2): -lost the way"
		})}},
	{"LostTaskError", func() error { return &ipc.LostTaskError{Pid: 1, Tasks: 2} },
		[]func(error) bool{asError(func(e *ipc.LostTaskError) bool { return *e == ipc.LostTaskError{Pid: 1, Tasks: 2} })}},
	{"unregistered", func() error { return foreign{chain(errLost, 1)} },
		[]func(error) bool{isError(errLost), isError(errLate), not(asError(func(foreign) bool { return true }))}},
	{"panic", func() error { panic(chain(errLost, 1)) },
		[]func(error) bool{isError(errLost), asError(func(e *ipc.RemoteError) bool {
			return e.Msg == "panic: -lost the way" && strings.Contains(e.Stack, "remote_test.go")
		})}},
	{"by its own methods", func() error { return &sealed{"well"} },
		[]func(error) bool{isError(errLost), asError(func(s *sealed) bool { return s.how == "well" })}},
	{"forgetful", func() error { return &sealed{"forgets what it wraps"} },
		[]func(error) bool{isError(errLost), asError(func(s *sealed) bool { return s.how == "came" })}},
	{"MarshalBinary fails", func() error { return &sealed{"MarshalBinary fails"} },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"MarshalBinary panics", func() error { return &sealed{"MarshalBinary panics"} },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"UnmarshalBinary fails", func() error { return &sealed{"UnmarshalBinary fails"} },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"UnmarshalBinary panics", func() error { return &sealed{"UnmarshalBinary panics"} },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"broken in the parent", func() error { return &sealed{"broken in the parent"} },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"Unwrap panics", func() error { return errors.Join(&sealed{"Unwrap panics"}, errLost) },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"wraps itself", func() error { return errors.Join(&sealed{"wraps itself"}, errLost) },
		[]func(error) bool{isError(errLost), not(asError(anySealed))}},
	{"too large", func() error { return errors.Join(&bulky{make([]byte, 2<<20)}, errLost) },
		[]func(error) bool{isError(errLost), not(asError(func(*bulky) bool { return true }))}},
}

func borderError(name string) error {
	for _, b := range borderErrors {
		if b.name == name {
			return b.make()
		}
	}
	return nil
}

func crossBorder(ctx context.Context, name string) error { return borderError(name) }

func crossBorderTask(ctx context.Context, name string) (string, error) {
	return name, borderError(name)
}

// crossTwice fails with the error of a child of its own.
func crossTwice(ctx context.Context, name string) error {
	p := ipc.NewProcess(crossBorderTarget, name)
	if err := p.Start(); err != nil {
		return err
	}
	return p.Join(ctx)
}

var (
	crossBorderTarget = ipc.NewTarget(crossBorder)
	crossTwiceTarget  = ipc.NewTarget(crossTwice)
	crossBorderFunc   = ipc.NewFunc(crossBorderTask)
)

func TestErrorsOfTargetCrossBorder(t *testing.T) { // POOL-21, KF-05
	for _, tt := range borderErrors {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			p := ipc.NewProcess(crossBorderTarget, tt.name)
			p.Stderr = io.Discard
			start(t, p)
			checkBorder(t, tt.want, p.Join(ctx))
		})
	}
}

func TestErrorsOfTasksCrossBorder(t *testing.T) { // POOL-19, ROB-05
	ctx := guard(t)
	pool := ipc.NewPool(crossBorderFunc, 1)
	for _, tt := range borderErrors {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pool.Map(ctx, []string{tt.name})
			checkBorder(t, tt.want, err)
			if got, err := pool.Map(ctx, []string{"healthy"}); err != nil || got[0] != "healthy" {
				t.Errorf("the next task gives %v, %v", got, err)
			}
		})
	}
	finish(t, pool)
}

func TestErrorsCrossTwoBorders(t *testing.T) {
	for _, tt := range borderErrors {
		t.Run(tt.name, func(t *testing.T) {
			ctx := guard(t)
			p := ipc.NewProcess(crossTwiceTarget, tt.name)
			p.Stderr = io.Discard
			start(t, p)
			err := p.Join(ctx)
			checkBorder(t, tt.want, err)
			outer, _ := errors.AsType[*ipc.ExitError](err)
			inner, found := errors.AsType[*ipc.ExitError](outer.Err)
			if !found || inner.Pid == outer.Pid || inner.Pid == 0 || inner.Code != 1 {
				t.Errorf("Join() = %v; want the end of the grandchild in it", err)
			}
		})
	}
}

// checkBorder checks an error that has come from another process.
func checkBorder(t *testing.T, want []func(error) bool, err error) {
	t.Helper()
	if e, isRemote := errors.AsType[*ipc.RemoteError](err); !isRemote || e.Msg == "" {
		t.Fatalf("error is %#v; want a RemoteError in it", err)
	}
	for i, holds := range want {
		if !holds(err) {
			t.Errorf("%v: what number %d of the table asks is not so", err, i)
		}
	}
}

// An error is found once, however many ways it could have come.
func TestErrorsCrossBorderOnce(t *testing.T) {
	ctx := guard(t)
	for _, name := range []string{"sentinel that wraps", "error in a field", "by its own methods", "PathError"} {
		p := ipc.NewProcess(crossBorderTarget, name)
		p.Stderr = io.Discard
		start(t, p)
		e, isRemote := errors.AsType[*ipc.RemoteError](p.Join(ctx))
		if !isRemote || len(e.Unwrap()) != 1 || e.Unwrap()[0] != e.Unwrap()[0] {
			t.Errorf("%s: Unwrap() = %v; want one error, always the same", name, e.Unwrap())
		}
	}
}

func TestRegisterErrorPanics(t *testing.T) {
	for want, err := range map[string]error{
		"error is nil":      nil,
		"can't be compared": uncomparable{func() {}},
		`there are two errors *errors.errorString "EOF"`:          errors.New("EOF"),
		`there are two errors *errors.errorString "lost the way"`: errors.New("lost the way"),
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("RegisterError(%v) panics with %q; want %q", err, got, want)
				}
			}()
			ipc.RegisterError(err)
		}()
	}
	ipc.RegisterError(errLost, io.EOF) // again
}

type uncomparable struct{ f func() }

func (uncomparable) Error() string { return "uncomparable" }
