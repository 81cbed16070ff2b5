// Package myfunc is the other module: its function runs in processes of
// programs that import it.
package myfunc

// MyFunc prints the number of the process it was called from, and then the
// numbers from 0 to i, both included, a line each.
func MyFunc(printf func(format string, args ...any), i int) {
	printf("calling myFunc from process n°: %d", i)
	for j := range i + 1 {
		printf("output from myFunc is :%d", j)
	}
}
