package codec

import (
	"errors"
	"reflect"
	"strconv"
	"unsafe"
)

// What stands in an interface is written as the length of its type's name,
// the name and the value, nil as 0.

// eface is how an interface without methods lies in memory; in one with
// methods typ is something else. A value of the size of a pointer that is one,
// or contains one, is data itself. Others lie where data points to.
type eface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

// A form is how the values of a concrete type are put into interfaces and
// taken out of them.
type form struct {
	op     *op
	typ    unsafe.Pointer // the interface's type word
	direct bool           // the value is the interface's data word itself
	writes bool           // encoding has the address of the value, so it gets a copy
}

// formOf compiles ct if nobody has yet.
func (c *Compiler) formOf(ct *concrete) (*form, error) {
	if f := ct.form.Load(); f != nil {
		return f, nil
	}
	pl, err := c.Compile(ct.typ)
	if err != nil {
		return nil, err
	}
	f := newForm(pl.op, ct.typ)
	ct.form.Store(f)
	return f, nil
}

func newForm(o *op, t reflect.Type) *form {
	zero := reflect.Zero(t).Interface()
	words := (*eface)(unsafe.Pointer(&zero))
	return &form{
		op:     o,
		typ:    words.typ,
		direct: words.data == nil, // an address is not zero
		writes: o.reachesWriter(map[*op]bool{}),
	}
}

// dynamic makes o the plan of the interface type t.
func (c *Compiler) dynamic(o *op, t reflect.Type) {
	o.iface = t
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return c.encodeDynamic(e, p, t) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return c.decodeDynamic(d, p, t) }
}

// load gives what is in the interface of type t at p.
func load(t reflect.Type, p unsafe.Pointer) any {
	if t.NumMethod() == 0 {
		return *(*any)(p)
	}
	// As package reflect does it: interfaces with methods all lie alike.
	return *(*interface{ M() })(p)
}

func (c *Compiler) encodeDynamic(e *Encoder, p unsafe.Pointer, t reflect.Type) error {
	v := load(t, p)
	if v == nil {
		e.Buf = append(e.Buf, 0)
		return nil
	}
	ct := c.types.ofType(reflect.TypeOf(v))
	if ct == nil {
		s := reflect.TypeOf(v).String()
		return errors.New(s + " stands in an interface and is not registered: " +
			"add ipc.Register[" + s + "]() to an init function")
	}
	f, err := c.formOf(ct)
	if err != nil {
		return err
	}
	e.PutUint(uint64(len(ct.name)))
	e.Buf = append(e.Buf, ct.name...)
	if err := e.enter(); err != nil {
		return err
	}
	err = f.op.encode(e, f.address(v, p))
	e.depth--
	return err
}

// address is where v lies, which is in the interface at p.
func (f *form) address(v any, p unsafe.Pointer) unsafe.Pointer {
	switch {
	case f.writes:
		// The value in an interface may lie in memory that can't be written.
		own := reflect.New(reflect.TypeOf(v))
		own.Elem().Set(reflect.ValueOf(v))
		return own.UnsafePointer()
	case f.direct:
		return unsafe.Pointer(&(*eface)(p).data)
	}
	return (*eface)(p).data
}

func (c *Compiler) decodeDynamic(d *Decoder, p unsafe.Pointer, t reflect.Type) error {
	*(*eface)(p) = eface{}
	n, err := d.length(1)
	if err != nil || n == 0 {
		return err
	}
	name, err := d.Bytes(n)
	if err != nil {
		return err
	}
	ct := c.types.ofName(name)
	if ct == nil {
		return errors.New("message has a value of type " + quote(name) + ", which is not registered in this process")
	}
	if !ct.typ.Implements(t) {
		return errors.New("message has a value of type " + ct.name + " for a " + t.String())
	}
	f, err := c.formOf(ct)
	if err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	if len(d.Buf) < f.op.least {
		return errShort // before it takes memory
	}
	at := reflect.New(ct.typ).UnsafePointer()
	if err := f.op.decode(d, at); err != nil {
		return err
	}
	d.depth--
	v := f.boxed(at)
	if t.NumMethod() == 0 {
		*(*any)(p) = v
	} else {
		reflect.NewAt(t, p).Elem().Set(reflect.ValueOf(v))
	}
	return nil
}

// boxed puts the value at p into an interface, which has that memory then.
func (f *form) boxed(p unsafe.Pointer) any {
	if f.direct {
		p = *(*unsafe.Pointer)(p)
	}
	return *(*any)(unsafe.Pointer(&eface{f.typ, p}))
}

// maxQuote is how much of a name that is none goes into an error.
const maxQuote = 100

func quote(name []byte) string {
	if len(name) > maxQuote {
		return strconv.Quote(string(name[:maxQuote])) + "..."
	}
	return strconv.Quote(string(name))
}
