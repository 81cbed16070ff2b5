package ipc

import "reflect"

// Register says that values of type T may stand in interfaces of what
// travels: in fields of type any, or of an interface with methods, anywhere in
// arguments and messages. The receiver finds T by its name, so it has to be
// registered in both processes, which an init function sees to:
//
//	func init() {
//		ipc.Register[tile]()
//		ipc.Register[*rectangle]() // of a pointer if that is what stands in the interface
//	}
//
// If init functions call [Dispatch], T is registered before, or children don't
// know it. Numbers, bools, strings, [time.Time], [time.Duration], slices of
// these, []any and map[string]any need not be registered. Errors of
// [errors.New] and [fmt.Errorf] can't be, as they have unexported fields: an
// error that travels in an interface is of a type of one's own.
//
// Send, Put and Start return an error for a value of another type in an
// interface, and name it. Recv and Get return one for a value whose type is
// not registered in their process.
//
// Register panics if T can't travel, as [NewTarget] does, if it is an
// interface, and if another type has its name, as types declared in functions
// may. It can be called again for the same type, at any time, by several
// goroutines. In Python nothing of the kind is needed; it does what
// gob.Register does.
func Register[T any]() {
	// As with targets, the parent has checked for its children.
	if !isChild {
		mustPlan[T]("Register")
	}
	if err := plans.Register(reflect.TypeFor[T]()); err != nil {
		panic("ipc: Register: " + err.Error())
	}
}
