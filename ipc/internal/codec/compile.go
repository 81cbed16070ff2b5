package codec

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// A Compiler makes plans and keeps them.
type Compiler struct {
	Hook  Hook
	mu    sync.Mutex
	plans map[reflect.Type]*op
}

// Compile gives the plan of t, or an error that names the part of t that
// can't travel.
func (c *Compiler) Compile(t reflect.Type) (*Plan, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil {
		c.plans = map[reflect.Type]*op{}
	}
	o, err := c.op(t, t.String())
	if err != nil {
		// Types that contain the bad one may have been entered already.
		c.plans = nil
		return nil, err
	}
	return &Plan{t, o}, nil
}

// op compiles t, which stands at path in the type that was asked for.
func (c *Compiler) op(t reflect.Type, path string) (*op, error) {
	if o := c.plans[t]; o != nil {
		return o, nil
	}
	// Entered before it is complete: a type may contain pointers to itself.
	o := &op{size: t.Size(), least: 1}
	c.plans[t] = o
	return o, c.fill(o, t, path)
}

func (c *Compiler) fill(o *op, t reflect.Type, path string) error {
	if c.Hook.Match != nil && c.Hook.Match(t) {
		c.hooked(o, t)
		return nil
	}
	if f, ok := embedsMarshaler(t); ok {
		return fmt.Errorf("%s can't travel to another process: it embeds %s, whose marshalling "+
			"would stand for the whole; give the field a name", path, f)
	}
	if fillMarshaler(o, t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		o.encode, o.decode = encodeBool, decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		o.copied()
	case reflect.String:
		o.encode, o.decode = encodeString, decodeString
	case reflect.Slice:
		return c.slice(o, t, path)
	case reflect.Array:
		return c.array(o, t, path)
	case reflect.Struct:
		return c.structure(o, t, path)
	case reflect.Pointer:
		return c.pointer(o, t, path)
	case reflect.Map:
		return c.mapping(o, t, path)
	default:
		return fmt.Errorf("%s can't travel to another process: it is a %s", path, t.Kind())
	}
	return nil
}

// copied makes o a copy of memory.
func (o *op) copied() {
	size := int(o.size)
	o.plain, o.least = true, size
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		e.Buf = append(e.Buf, unsafe.Slice((*byte)(p), size)...)
		return nil
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error {
		b, err := d.Bytes(size)
		copy(unsafe.Slice((*byte)(p), size), b)
		return err
	}
}

func (c *Compiler) hooked(o *op, t reflect.Type) {
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		return c.Hook.Encode(e, reflect.NewAt(t, p).Elem())
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error {
		return c.Hook.Decode(d, reflect.NewAt(t, p).Elem())
	}
}

func (c *Compiler) slice(o *op, t reflect.Type, path string) error {
	elem, err := c.op(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeSlice(e, p, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeSlice(d, p, t, elem) }
	return nil
}

func (c *Compiler) array(o *op, t reflect.Type, path string) error {
	elem, err := c.op(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	if elem.plain || t.Len() == 0 {
		o.copied()
		return nil
	}
	n := t.Len()
	o.least = n * elem.least
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return each(n, p, elem.size, e, elem.encode) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return each(n, p, elem.size, d, elem.decode) }
	return nil
}

// part is a field of a struct.
type part struct {
	off uintptr
	op  *op
}

func (c *Compiler) structure(o *op, t reflect.Type, path string) error {
	var parts []part
	plain, least := true, 0
	for f := range t.Fields() {
		if !f.IsExported() {
			return fmt.Errorf("%s.%s can't travel to another process: it is not exported", path, f.Name)
		}
		fo, err := c.op(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		plain, least = plain && fo.plain, least+fo.least
		parts = append(parts, part{f.Offset, fo})
	}
	if plain {
		o.copied()
		return nil
	}
	o.least = least
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		for _, f := range parts {
			if err := f.op.encode(e, unsafe.Add(p, f.off)); err != nil {
				return err
			}
		}
		return nil
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error {
		for _, f := range parts {
			if err := f.op.decode(d, unsafe.Add(p, f.off)); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

func (c *Compiler) pointer(o *op, t reflect.Type, path string) error {
	elem, err := c.op(t.Elem(), "*"+path)
	if err != nil {
		return err
	}
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodePointer(e, p, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodePointer(d, p, t, elem) }
	return nil
}

func (c *Compiler) mapping(o *op, t reflect.Type, path string) error {
	key, err := c.op(t.Key(), path+"[key]")
	if err != nil {
		return err
	}
	elem, err := c.op(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeMap(e, p, t, key, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeMap(d, p, t, key, elem) }
	return nil
}
