package box

import (
	"errors"
	"slices"
	"testing"
)

func TestApplyName(t *testing.T) {
	tests := []struct {
		args []string
		want []string
	}{
		{nil, nil},
		{[]string{"mpbox"}, []string{}},
		{[]string{"/usr/bin/mpbox", "list"}, []string{"list"}},
		{[]string{"derom", "--pids"}, []string{"derom", "--pids"}},
		{[]string{"./mp-derom"}, []string{"derom"}},
		{[]string{"mpbox_process-pool"}, []string{"process_pool"}},
		{[]string{"MPBOX-DEROM.PY"}, []string{"derom"}},
		{[]string{"process-pool.py", "-h"}, []string{"process_pool", "-h"}},
		{[]string{"mp-"}, []string{}},
		{[]string{"anything", "derom"}, []string{"derom"}},
		{[]string{"", "derom"}, []string{"derom"}},
	}
	for _, test := range tests {
		got, err := applyName(test.args)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("applyName(%q) = %q, %v; want %q", test.args, got, err, test.want)
		}
	}
}

func TestApplyNameRefusesAnUnknownAppletWithPrefix(t *testing.T) {
	_, err := applyName([]string{"/bin/mp-dreom"})
	var r *refusal
	if !errors.As(err, &r) || r.code != 127 || r.text != "dreom: applet not found" || r.hint != "Did you mean derom?" {
		t.Errorf("applyName(mp-dreom) = %+v", err)
	}
}

func TestNearestApplets(t *testing.T) {
	tests := []struct {
		name string
		want []string
	}{
		{"barrier", []string{"process_barrier"}},
		{"process-poll", []string{"process_pool"}},
		{"daemon", []string{"derom"}},
		{"lits", []string{"list"}},
		{"qqqqqqqq", nil},
		{"", nil},
	}
	for _, test := range tests {
		if got := nearestApplets(test.name); !slices.Equal(got, test.want) {
			t.Errorf("nearestApplets(%q) = %q; want %q", test.name, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"derom", "derom", 0},
		{"derom", "drom", 1},
		{"derom", "dreom", 1}, // swapped
		{"derom", "daemon", 3},
		{"n°", "n", 1},
		{"ca", "abc", 3}, // each letter is moved once at most
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d; want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("distance(%q, %q) = %d; want %d", test.b, test.a, got, test.want)
		}
	}
}
