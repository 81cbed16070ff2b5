package ipc

import (
	"context"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"github.com/mpbox/mpbox/ipc/internal/codec"
)

// None is the argument or the result of functions that need none.
type None = struct{}

// A Target is a function that can run in a process of its own. A child is a
// new run of the same executable and knows the function by its name, so
// targets are made in package-level variables, which parent and child share:
//
//	func greet(ctx context.Context, name string) error { ... }
//
//	var greetTarget = ipc.NewTarget(greet)
//
// The zero value does not work.
type Target[A any] struct{ entry *entry }

// A Runner is a type with a Run method that makes a process: what a subclass
// of multiprocessing.Process is in Python. See [TargetOf].
type Runner interface {
	Run(ctx context.Context) error
}

// A Func is a function with a result, for the workers of a [Pool]. Like a
// Target it is made in a package-level variable. The zero value does not work.
type Func[A, R any] struct{ entry *entry }

// entry is what a child finds under a target's name.
type entry struct {
	name string // of the function, with its package
	base string // of processes without a name: "Process", or the Runner's type
	// run decodes the arguments of a process and runs the function.
	run  func(ctx context.Context, args *codec.Decoder) error
	work workFunc // of a Func
	// strips are how the arguments and results of a Func lie in messages.
	strips func() (args, results strip)
}

// entries are the targets of this executable. Package-level variables fill
// it before main or any init function can ask; after that it only is read.
var entries = map[string]*entry{}

func register(e *entry) *entry {
	if entries[e.name] != nil {
		panic("ipc: " + e.name + " is a target already")
	}
	entries[e.name] = e
	return e
}

// NewTarget makes a target of f, a function declared at the top level of a
// package. The context it is given ends when it returns, or when the parent
// wants it to end: Cancel and Stop of the [Process], and its Timeout. A
// function that starts itself must be the Run method of a type, see
// [TargetOf]: the compiler refuses a variable that refers to itself.
//
// The arguments are copied to the child. A may be built of numbers, bools,
// strings, slices, arrays, maps, pointers and structs with exported fields,
// interfaces with values of registered types in them (see [Register]), types
// with their own MarshalBinary or GobEncode, and the shared objects of this
// package. NewTarget panics if A can't travel, if f is a function literal or
// a method value, whose names are not stable, and if f is a target already.
func NewTarget[A any](f func(context.Context, A) error) Target[A] {
	name := funcName(f)
	plan := registeredPlan[A](name)
	return Target[A]{register(&entry{name: name, base: "Process", run: func(ctx context.Context, d *codec.Decoder) error {
		var args A
		if err := plan().Decode(d, unsafe.Pointer(&args)); err != nil {
			return fmt.Errorf("ipc: arguments of %s: %w", name, err)
		}
		return f(ctx, args)
	}})}
}

// TargetOf makes a target of the Run method of T, a type declared at the top
// level of a package. The value given to [NewProcess] is copied to the child,
// where Run is called. The processes are named after the type: MyProcess-1.
// TargetOf panics if T can't travel, as NewTarget does.
func TargetOf[T Runner]() Target[T] {
	t := reflect.TypeFor[T]()
	named := t
	if t.Kind() == reflect.Pointer {
		named = t.Elem()
	}
	if named.Name() == "" || named.Kind() == reflect.Interface {
		panic("ipc: " + t.String() + " is no named type, so it can't be a target")
	}
	name := named.PkgPath() + "." + named.Name() + ".Run"
	plan := registeredPlan[T](name)
	return Target[T]{register(&entry{name: name, base: named.Name(), run: func(ctx context.Context, d *codec.Decoder) error {
		var r T
		if err := plan().Decode(d, unsafe.Pointer(&r)); err != nil {
			return fmt.Errorf("ipc: arguments of %s: %w", name, err)
		}
		return r.Run(ctx)
	}})}
}

// NewFunc makes a Func of f. It panics if f, A or R won't do, as NewTarget
// does.
func NewFunc[A, R any](f func(context.Context, A) (R, error)) Func[A, R] {
	name := funcName(f)
	args, results := registeredPlan[A](name), registeredPlan[R](name)
	work := newWork(f, args, results)
	return Func[A, R]{register(&entry{
		name:   name,
		base:   "PoolWorker",
		run:    func(ctx context.Context, d *codec.Decoder) error { return runWorker(ctx, d, work) },
		work:   work,
		strips: func() (strip, strip) { return newStrip(args()), newStrip(results()) },
	})}
}

// funcName is the full name of the top-level function f.
func funcName(f any) string {
	v := reflect.ValueOf(f)
	if v.IsNil() {
		panic("ipc: target is nil")
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	if !topLevel(name) {
		panic("ipc: " + name + " can't be a target: it must be a function declared at the top level")
	}
	return name
}

// topLevel tells the names of declared functions from those that the
// compiler makes up: path/pkg.f, but not path/pkg.f.func1 or path/pkg.T.M-fm.
// Instances of a generic function share one name, path/pkg.f[...].
func topLevel(name string) bool {
	base := []byte(path.Base(name))
	f := base[slices.Index(base, '.')+1:]
	return !slices.Contains(f, '.') && !slices.Contains(f, '[')
}
