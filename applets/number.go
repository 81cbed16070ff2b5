package applets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Number is a whole number on the command line: 10, 1_000 or 1e3.
type Number int64

// UnmarshalText parses a number. It refuses what has a fraction, and what does
// not fit into 64 bits, rather than round or wrap.
func (n *Number) UnmarshalText(text []byte) error {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(string(text)), "e")
	var zeros uint64
	var err error
	if scientific {
		zeros, err = strconv.ParseUint(strings.TrimPrefix(exponent, "+"), 10, 8)
	}
	digits, ok := withoutUnderscores(mantissa)
	if err == nil && ok {
		var v int64
		v, err = strconv.ParseInt(digits+strings.Repeat("0", int(zeros)), 10, 64)
		*n = Number(v)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is beyond the largest number, 9223372036854775807", text)
	case err != nil || !ok:
		return fmt.Errorf("%q is not a whole number such as 10, 1_000 or 1e3", text)
	}
	return nil
}

// withoutUnderscores takes the underscores out, and reports whether each stood
// between two digits and the last character is a digit too.
func withoutUnderscores(s string) (string, bool) {
	digit := func(i int) bool { return i >= 0 && i < len(s) && '0' <= s[i] && s[i] <= '9' }
	for i := range len(s) {
		if s[i] == '_' && (!digit(i-1) || !digit(i+1)) {
			return s, false
		}
	}
	return strings.ReplaceAll(s, "_", ""), digit(len(s) - 1)
}
