package ipc_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/mpbox/mpbox/ipc"
)

// finding is a message with interfaces in it.
type finding struct {
	What any
	Err  error
	Rest map[string]any
}

type faultAt struct{ Line int }

func (f *faultAt) Error() string { return fmt.Sprint("fault at ", f.Line) }

type spot struct{ X, Y int }

// stray is not registered, and trapped in the main process only.
type (
	stray   struct{ N int }
	trapped struct{ N int }
)

func init() {
	ipc.Register[*faultAt]()
	ipc.Register[spot]()
	ipc.Register[*ipc.Lock]()
}

type echoFindingsArgs struct {
	In   *ipc.Receiver[finding]
	Out  *ipc.Sender[finding]
	Lock any // a *ipc.Lock
}

// echoFindings sends back what it gets, with the line of the error one
// further, and tells of what it can't decode.
func echoFindings(ctx context.Context, args echoFindingsArgs) error {
	if err := args.Lock.(*ipc.Lock).TryAcquire(); err != ipc.ErrWouldBlock {
		return fmt.Errorf("TryAcquire() = %v; want ErrWouldBlock", err)
	}
	for {
		f, err := args.In.Recv(ctx)
		switch {
		case err != nil && strings.Contains(err.Error(), "not registered"):
			f = finding{What: err.Error()}
		case err != nil:
			return nil
		}
		if fault, isFault := f.Err.(*faultAt); isFault && fault != nil {
			fault.Line++
		}
		if err := args.Out.Send(ctx, f); err != nil {
			return err
		}
	}
}

var echoFindingsTarget = ipc.NewTarget(echoFindings)

func TestInterfacesTravelToChildAndBack(t *testing.T) {
	ctx := guard(t)
	toChild, in := channel[finding](t)
	fromChild, out := channel[finding](t)
	lock := ok(ipc.NewLock())(t)
	defer lock.Close()
	if err := lock.Acquire(ctx); err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	p := ipc.NewProcess(echoFindingsTarget, echoFindingsArgs{toChild, out, lock})
	start(t, p)
	toChild.Close()
	out.Close()
	send := func(f finding) finding {
		t.Helper()
		if err := in.Send(ctx, f); err != nil {
			t.Fatalf("Send(%v) = %v", f, err)
		}
		return ok(fromChild.Recv(ctx))(t)
	}
	for _, f := range []finding{
		{},
		{What: spot{1, 2}, Err: (*faultAt)(nil)},
		{What: []any{1, "two", spot{3, 4}, nil}, Rest: map[string]any{"five": 5.0, "bytes": []byte("6")}},
	} {
		if got := send(f); !reflect.DeepEqual(got, f) {
			t.Errorf("%#v came back as %#v", f, got)
		}
	}
	if got := send(finding{Err: &faultAt{7}}); !reflect.DeepEqual(got, finding{Err: &faultAt{8}}) {
		t.Errorf("fault at 7 came back as %v; want fault at 8", got.Err)
	}
	err := in.Send(ctx, finding{What: stray{1}})
	if err == nil || !strings.Contains(err.Error(), "add ipc.Register[ipc_test.stray]() to an init function") {
		t.Errorf("Send() of an unregistered type = %v; want the line to add", err)
	}
	ipc.Register[trapped]()
	if got, _ := send(finding{What: trapped{1}}).What.(string); !strings.Contains(got, "ipc_test.trapped") {
		t.Errorf("child received a type that it has not registered: %q; want an error with its name", got)
	}
	if got := send(finding{What: 9}); got.What != 9 {
		t.Errorf("9 came back as %v", got.What)
	}
	in.Close()
	join(t, p)
}

func TestRegisterPanicsWhenTypesCanNotTravel(t *testing.T) {
	for want, register := range map[string]func(){
		"chan int can't travel":        ipc.Register[chan int],
		".Done can't travel":           ipc.Register[struct{ Done func() }],
		".hidden can't travel":         ipc.Register[struct{ hidden int }],
		"interface {} is an interface": ipc.Register[any],
		"error is an interface":        ipc.Register[error],
		"two types with the name":      registerTwins,
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "ipc: Register: ") || !strings.Contains(got, want) {
					t.Errorf("panic(%q); want %q in it", got, want)
				}
			}()
			register()
		}()
	}
	ipc.Register[spot]() // again
}

func registerTwins() {
	func() {
		type twin struct{ A int }
		ipc.Register[twin]()
	}()
	func() {
		type twin struct{ B string }
		ipc.Register[twin]()
	}()
}
