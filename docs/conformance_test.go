package docs_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// openRows are the rows that the page must have, by area.
var openRows = []string{
	"PROC 01-04 06-08 10-15 17-18 20-22 24 26 28-33 35-38 40 43-44 46-47 50-52 54-56 59-60 62-70 74-76 80",
	"CONN 01-03 05 07 09-14 16-22 24-25 29-30 33",
	"WAIT 01-07 12",
	"LSN 01-08 12 14-15",
	"FDPASS 01-05",
	"QUE 01-05 07-09 12-15 18 20 22-24 26",
	"JQ 01-04",
	"SQ 01-03 05 07",
	"LOCK 01-05 10",
	"RLOCK 01-02",
	"SEM 01-03 05-06 09",
	"COND 01-09 14",
	"EVT 01-04",
	"BAR 01-05 07-08 10-12 14-17 19",
	"VAL 01-05 08-10",
	"ARR 01-06",
	"HEAP 01-02",
	"SHM 01-08 10 12-16",
	"SLIST 01-07",
	"POOL 01-14 16-19 21 23-27 29 31 34 37-40 42 45 47 49 53-55 57-58 60",
	"FUT 01-02 04-05 07-09 11-13 15-16 19-20 22",
	"MGR 01-17",
	"CTX 01-09",
	"RES 01-05",
	"FIN 01-02 04-05",
	"SIG 01 03",
	"ROB 01 03 05 07 09-10 12-13 15 17 21 23-24 26-27 29-31 34-35 37 39 41-43 46",
}

// rowIDs are the ids of openRows, in their order.
func rowIDs(t *testing.T) (ids []string) {
	t.Helper()
	for _, line := range openRows {
		fields := strings.Fields(line)
		for _, numbers := range fields[1:] {
			first, last, isRange := strings.Cut(numbers, "-")
			if !isRange {
				last = first
			}
			ids = append(ids, span(t, fields[0], first, last)...)
		}
	}
	return ids
}

// span are the ids of an area from one number to another.
func span(t *testing.T, area, first, last string) (ids []string) {
	t.Helper()
	from, err := strconv.Atoi(first)
	to, toErr := strconv.Atoi(last)
	if err = errors.Join(err, toErr); err != nil {
		t.Fatalf("%s-%s to %s: %v", area, first, last, err)
	}
	for n := from; n <= to; n++ {
		ids = append(ids, fmt.Sprintf("%s-%02d", area, n))
	}
	return ids
}

// conformanceRow is a line of the page's tables.
type conformanceRow struct {
	id, result string
	tests      []string
}

func conformanceRows(t *testing.T) (rows []conformanceRow) {
	t.Helper()
	for line := range strings.Lines(read(t, "conformance.md")) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 || !rowRE.MatchString(cells[1]) {
			continue
		}
		if len(cells) != 6 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		row := conformanceRow{id: strings.TrimSpace(cells[1]), result: strings.TrimSpace(cells[4])}
		for name := range strings.SplitSeq(cells[3], ",") {
			if name = strings.TrimSpace(name); name != "" {
				row.tests = append(row.tests, name)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// rowRE finds row ids in a comment: PROC-01, or PROC-13 to PROC-15.
var rowRE = regexp.MustCompile(`\b([A-Z]+)-(\d\d)\b(?: to ([A-Z]+)-(\d\d)\b)?`)

// rowsOfTests parses the tests of ipc. It returns the rows that each names in
// its comments; a test that names none is there, too.
func rowsOfTests(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../ipc/*_test.go")
	inner, _ := filepath.Glob("../ipc/internal/*/*_test.go")
	if err != nil || len(files) == 0 || len(inner) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	rows := map[string][]string{}
	for _, file := range append(files, inner...) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				rows[fn.Name.Name] = append(rows[fn.Name.Name], namedRows(t, f, fn)...)
			}
		}
	}
	return rows
}

// namedRows are the rows in the comments of a function.
func namedRows(t *testing.T, f *ast.File, fn *ast.FuncDecl) (ids []string) {
	t.Helper()
	for _, group := range f.Comments {
		if group != fn.Doc && (group.Pos() < fn.Pos() || group.End() > fn.End()) {
			continue
		}
		for _, m := range rowRE.FindAllStringSubmatch(group.Text(), -1) {
			area, first, last := m[1], m[2], m[2]
			if m[3] == area {
				last = m[4]
			}
			if slices.ContainsFunc(openRows, func(s string) bool { return strings.HasPrefix(s, area+" ") }) {
				ids = append(ids, span(t, area, first, last)...)
			}
		}
	}
	return ids
}

// TestConformanceIsInStepWithTheTests keeps the page and the tests of ipc
// together: what either says of the other holds.
func TestConformanceIsInStepWithTheTests(t *testing.T) {
	rows, named, want := conformanceRows(t), rowsOfTests(t), rowIDs(t)
	var got []string
	listed := map[string][]string{}
	for _, row := range rows {
		got = append(got, row.id)
		listed[row.id] = row.tests
		for _, name := range row.tests {
			_, isTest := named[name]
			_, err := os.Stat(filepath.Join("../testdata/script", name))
			if isScript := err == nil && strings.HasSuffix(name, ".txtar"); !isTest && !isScript {
				t.Errorf("%s: there is no test %s", row.id, name)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has the rows\n%s\nwant\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
	for name, ids := range named {
		for _, id := range ids {
			switch tests, isRow := listed[id]; {
			case !isRow:
				t.Errorf("%s names the row %s, which the page does not have", name, id)
			case !slices.Contains(tests, name):
				t.Errorf("%s names the row %s, whose tests are %q", name, id, tests)
			}
		}
	}
}

func TestConformanceSaysWhy(t *testing.T) {
	result := regexp.MustCompile(`^(met|met: .+|met, adapted: .+|not offered: .+|optional: not offered.*|does not apply: .+)$`)
	for _, row := range conformanceRows(t) {
		if !result.MatchString(row.result) {
			t.Errorf("%s: result %q", row.id, row.result)
		}
		if strings.HasPrefix(row.result, "met") && len(row.tests) == 0 {
			t.Errorf("%s is met, but by no test", row.id)
		}
	}
}
