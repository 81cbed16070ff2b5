package codec

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// A Compiler makes plans and keeps them, and the types that may stand in
// interfaces.
type Compiler struct {
	Hook  Hook
	mu    sync.Mutex
	plans map[reflect.Type]*op
	types registry
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
	return &Plan{t, o, c}, nil
}

// op compiles t, which stands at path in the type that was asked for.
func (c *Compiler) op(t reflect.Type, path string) (*op, error) {
	if o := c.plans[t]; o != nil {
		return o, nil
	}
	// Entered before it is complete: a type may contain pointers to itself.
	// So it is complete when others run it, but not when they compile. As it
	// is none that is plain, and takes a byte or more, that is known of it.
	o := &op{size: t.Size(), align: t.Align(), least: 1}
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
		o.text = true
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
	case reflect.Interface:
		c.dynamic(o, t)
	default:
		return fmt.Errorf("%s can't travel to another process: it is a %s", path, t.Kind())
	}
	return nil
}

// inside compiles a part of what o encodes.
func (c *Compiler) inside(o *op, t reflect.Type, path string) (*op, error) {
	in, err := c.op(t, path)
	o.holds = append(o.holds, in)
	return in, err
}

// copied makes o a copy of memory.
func (o *op) copied() {
	o.plain, o.least = true, int(o.size)
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		e.Buf = append(e.Buf, o.bytes(p)...)
		return nil
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodePlain(d, p, o.size) }
}

func (c *Compiler) hooked(o *op, t reflect.Type) {
	o.hooked = true
	o.encode = func(e *Encoder, p unsafe.Pointer) error {
		return c.Hook.Encode(e, reflect.NewAt(t, p).Elem())
	}
	o.decode = func(d *Decoder, p unsafe.Pointer) error {
		return c.Hook.Decode(d, reflect.NewAt(t, p).Elem())
	}
}

func (c *Compiler) slice(o *op, t reflect.Type, path string) error {
	elem, err := c.inside(o, t.Elem(), path+"[]")
	switch {
	case err != nil:
		return err
	case elem.plain:
		o.array = elem
		o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodePlainSlice(e, p, elem) }
		o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodePlainSlice(d, p, elem) }
	case elem.text:
		o.encode, o.decode = encodeStrings, decodeStrings
	default:
		o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeSlice(e, p, elem) }
		o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeSlice(d, p, t, elem) }
	}
	return nil
}

func (c *Compiler) array(o *op, t reflect.Type, path string) error {
	elem, err := c.inside(o, t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	if elem.plain || t.Len() == 0 {
		o.holds = nil
		o.copied()
		return nil
	}
	n := t.Len()
	o.least = n * elem.least
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeEach(e, p, n, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeEach(d, p, n, elem) }
	return nil
}

func (c *Compiler) structure(o *op, t reflect.Type, path string) error {
	var parts []part
	plain := true
	for f := range t.Fields() {
		if !f.IsExported() {
			return fmt.Errorf("%s.%s can't travel to another process: it is not exported", path, f.Name)
		}
		in, err := c.inside(o, f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		plain = plain && in.plain
		parts = addPart(parts, f.Offset, in)
	}
	if plain {
		o.copied()
		return nil
	}
	o.least = 0
	for _, f := range parts {
		o.least += f.least()
	}
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeParts(e, p, parts) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeParts(d, p, parts) }
	return nil
}

func (c *Compiler) pointer(o *op, t reflect.Type, path string) error {
	elem, err := c.inside(o, t.Elem(), "*"+path)
	if err != nil {
		return err
	}
	to := t.Elem()
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodePointer(e, p, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodePointer(d, p, to, elem) }
	return nil
}

func (c *Compiler) mapping(o *op, t reflect.Type, path string) error {
	key, err := c.inside(o, t.Key(), path+"[key]")
	if err != nil {
		return err
	}
	elem, err := c.inside(o, t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	hashes := hashes(t.Key())
	o.encode = func(e *Encoder, p unsafe.Pointer) error { return encodeMap(e, p, t, key, elem) }
	o.decode = func(d *Decoder, p unsafe.Pointer) error { return decodeMap(d, p, t, hashes, key, elem) }
	return nil
}
