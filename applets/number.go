package applets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Number is a whole number on the command line: 10, 1_000 or 1e3.
type Number int64

// UnmarshalText parses a number. It refuses what has a fraction, and what does
// not fit into 64 bits, rather than round or wrap.
func (n *Number) UnmarshalText(text []byte) error {
	v, err := parseNumber(text)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s is beyond the largest number, 9223372036854775807", text)
	case err != nil:
		return fmt.Errorf("%q is not a whole number such as 10, 1_000 or 1e3", text)
	}
	*n = Number(v)
	return nil
}

// parseNumber works on bytes because package strings would make every child
// initialise a dozen packages more: see docs/design.md.
func parseNumber(text []byte) (int64, error) {
	mantissa, zeros := text, uint64(0)
	if i := slices.IndexFunc(text, func(c byte) bool { return c == 'e' || c == 'E' }); i >= 0 {
		exponent := text[i+1:]
		if len(exponent) > 1 && exponent[0] == '+' {
			exponent = exponent[1:]
		}
		var err error
		if zeros, err = strconv.ParseUint(string(exponent), 10, 8); err != nil {
			return 0, err
		}
		mantissa = text[:i]
	}
	if !wellFormed(mantissa) {
		return 0, strconv.ErrSyntax
	}
	digits := slices.DeleteFunc(slices.Clone(mantissa), func(c byte) bool { return c == '_' })
	digits = append(digits, slices.Repeat([]byte{'0'}, int(zeros))...)
	return strconv.ParseInt(string(digits), 10, 64)
}

// wellFormed reports whether each underscore stands between two digits and
// the last character is a digit too.
func wellFormed(b []byte) bool {
	digit := func(i int) bool { return i >= 0 && i < len(b) && '0' <= b[i] && b[i] <= '9' }
	for i := range b {
		if b[i] == '_' && (!digit(i-1) || !digit(i+1)) {
			return false
		}
	}
	return digit(len(b) - 1)
}
