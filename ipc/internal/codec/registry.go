package codec

import (
	"errors"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A registry has the types that may stand in interfaces. The children of a
// program fill it anew when they start, so that costs little: a type is
// compiled when the first value of it travels.
type registry struct {
	mu     sync.RWMutex
	byName map[string]*concrete
	byType map[reflect.Type]*concrete
}

// A concrete is a type that may stand in an interface.
type concrete struct {
	name string
	typ  reflect.Type
	form atomic.Pointer[form]
}

// Register says that values of type t may stand in interfaces. It can be said
// again. That t can travel is for the caller to see, by Compile.
func (c *Compiler) Register(t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return errors.New(t.String() + " is an interface: what is to be registered are the types in it")
	}
	_, err := c.types.add(t)
	return err
}

// Registered reports whether values of type t may stand in interfaces.
func (c *Compiler) Registered(t reflect.Type) bool { return c.types.ofType(t) != nil }

func (r *registry) add(t reflect.Type) (*concrete, error) {
	name := typeName(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ct := r.byName[name]; ct != nil {
		if ct.typ != t {
			return nil, errors.New("there are two types with the name " + name)
		}
		return ct, nil
	}
	if r.byName == nil {
		r.byName, r.byType = map[string]*concrete{}, map[reflect.Type]*concrete{}
	}
	ct := &concrete{name: name, typ: t}
	r.byName[name], r.byType[t] = ct, ct
	return ct, nil
}

// size is how many types there are.
func (r *registry) size() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byName)
}

// ofType is the registered type t, nil if there is none.
func (r *registry) ofType(t reflect.Type) *concrete {
	r.mu.RLock()
	ct := r.byType[t]
	r.mu.RUnlock()
	if ct == nil {
		ct = r.addBasic(func(_ string, basic reflect.Type) bool { return basic == t })
	}
	return ct
}

// ofName is the registered type of that name, nil if there is none.
func (r *registry) ofName(name []byte) *concrete {
	r.mu.RLock()
	ct := r.byName[string(name)]
	r.mu.RUnlock()
	if ct == nil {
		ct = r.addBasic(func(basic string, _ reflect.Type) bool { return basic == string(name) })
	}
	return ct
}

// implementing are the registered types that implement t.
func (r *registry) implementing(t reflect.Type) []*concrete {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var found []*concrete
	for _, ct := range r.byName {
		if ct.typ.Implements(t) {
			found = append(found, ct)
		}
	}
	return found
}

// basic are the types that need not be registered, as pointers. They become
// part of a registry when the first value of them travels. The table takes no
// time when a process starts, and little when it is used.
var basic = [...]struct {
	name string
	typ  any
}{
	{"bool", (*bool)(nil)}, {"[]bool", (*[]bool)(nil)},
	{"int", (*int)(nil)}, {"[]int", (*[]int)(nil)},
	{"int8", (*int8)(nil)}, {"[]int8", (*[]int8)(nil)},
	{"int16", (*int16)(nil)}, {"[]int16", (*[]int16)(nil)},
	{"int32", (*int32)(nil)}, {"[]int32", (*[]int32)(nil)},
	{"int64", (*int64)(nil)}, {"[]int64", (*[]int64)(nil)},
	{"uint", (*uint)(nil)}, {"[]uint", (*[]uint)(nil)},
	{"uint8", (*uint8)(nil)}, {"[]uint8", (*[]uint8)(nil)},
	{"uint16", (*uint16)(nil)}, {"[]uint16", (*[]uint16)(nil)},
	{"uint32", (*uint32)(nil)}, {"[]uint32", (*[]uint32)(nil)},
	{"uint64", (*uint64)(nil)}, {"[]uint64", (*[]uint64)(nil)},
	{"float32", (*float32)(nil)}, {"[]float32", (*[]float32)(nil)},
	{"float64", (*float64)(nil)}, {"[]float64", (*[]float64)(nil)},
	{"complex64", (*complex64)(nil)}, {"[]complex64", (*[]complex64)(nil)},
	{"complex128", (*complex128)(nil)}, {"[]complex128", (*[]complex128)(nil)},
	{"string", (*string)(nil)}, {"[]string", (*[]string)(nil)},
	{"time.Time", (*time.Time)(nil)}, {"[]time.Time", (*[]time.Time)(nil)},
	{"time.Duration", (*time.Duration)(nil)}, {"[]time.Duration", (*[]time.Duration)(nil)},
	{"[]interface {}", (*[]any)(nil)}, {"map[string]interface {}", (*map[string]any)(nil)},
}

// addBasic adds the basic type that is wanted, if there is one.
func (r *registry) addBasic(wanted func(name string, t reflect.Type) bool) *concrete {
	for _, b := range basic {
		if t := reflect.TypeOf(b.typ).Elem(); wanted(b.name, t) {
			ct, _ := r.add(t) // nobody else can have its name
			return ct
		}
	}
	return nil
}

// typeName is a name that stands for t in this executable. Types declared in
// functions may have the same as others.
func typeName(t reflect.Type) string {
	switch name := t.Name(); {
	case name != "" && t.PkgPath() == "":
		return name
	case name != "":
		return t.PkgPath() + "." + name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + typeName(t.Elem())
	case reflect.Slice:
		return "[]" + typeName(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + typeName(t.Elem())
	case reflect.Map:
		return "map[" + typeName(t.Key()) + "]" + typeName(t.Elem())
	}
	return t.String()
}
