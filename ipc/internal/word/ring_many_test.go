package word

import (
	"bytes"
	"slices"
	"testing"
)

// recvMany is what RecvMany gives.
func recvMany(t *testing.T, r *Ring, env Env, n int) ([][]byte, error) {
	var got [][]byte
	done, err := r.RecvMany(t.Context(), env, n, func(i, size int) []byte {
		if i != len(got) {
			t.Errorf("room for message %d is asked behind %d", i, len(got))
		}
		if size < 0 {
			got = append(got, nil)
		} else {
			got = append(got, make([]byte, size))
		}
		return got[i]
	})
	if done != len(got) {
		t.Errorf("RecvMany() = %d after room for %d", done, len(got))
	}
	return got, err
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, same) }

// same tells nil from a message of no bytes.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
