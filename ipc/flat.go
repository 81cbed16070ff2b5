package ipc

import "reflect"

// mustBeFlat panics if a T is more than its bytes: what it points to would not
// be shared.
func mustBeFlat[T any](what string) {
	t := reflect.TypeFor[T]()
	if why := notFlat(t, t.String()); why != "" {
		panic("ipc: " + what + ": " + why + ", so it can't be shared memory")
	}
}

// notFlat says what is not flat in t, which stands at path in the type that
// was asked for.
func notFlat(t reflect.Type, path string) string {
	switch k := t.Kind(); k {
	case reflect.Array:
		return notFlat(t.Elem(), path+"[]")
	case reflect.Struct:
		for f := range t.Fields() {
			if why := notFlat(f.Type, path+"."+f.Name); why != "" {
				return why
			}
		}
	case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer, reflect.UnsafePointer,
		reflect.Interface, reflect.Func, reflect.Chan:
		return path + " is a " + k.String()
	}
	return ""
}
