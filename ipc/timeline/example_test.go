package timeline_test

import (
	"fmt"
	"os"
	"time"

	"github.com/mpbox/mpbox/ipc/timeline"
)

// Most logs come from a run of a program that uses ipc, by [timeline.Read]. This
// one is made by hand: early comes to a barrier, and waits there for late.
func ExampleLog_WriteText() {
	const ms = time.Millisecond
	wait := func(process int, from, to time.Duration) timeline.Event {
		return timeline.Event{Kind: timeline.Wait, For: timeline.ForParties, Process: process, At: from, Until: to, Peer: -1}
	}
	log := timeline.Log{
		Processes: []timeline.Process{
			{Name: "main", Parent: -1, End: 100 * ms},
			{Name: "early", Start: 5 * ms, Ready: 10 * ms, End: 80 * ms},
			{Name: "late", Start: 6 * ms, Ready: 12 * ms, End: 90 * ms, Code: -9},
		},
		Objects: []timeline.Object{{Kind: "barrier", Number: 1, Only: true}},
		Events:  []timeline.Event{wait(1, 20*ms, 70*ms), wait(2, 69*ms, 70*ms)},
	}
	fmt.Println("What happened:")
	if err := log.WriteText(os.Stdout, timeline.TextOptions{Width: 60}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// What happened:
	//        ├0─────────────────────├50ms─────────────────├100ms
	// main   ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ exit 0
	//
	//  early   ░░░━━━━├ barrier ┈┈┈┈┈┈┈┈┈┈┈┈╫━━━━━ exit 0
	//                                       ║
	//  late    ░░░░━━━━━━━━━━━━━━━━━━━━━━━━━╫━━━━━━━━━╳ SIGKILL
	// ░ is being started  ━ runs  ┈ waits for
	// ├ arrives at barrier  ╫ all pass  ╳ ended by a signal
	// a column is 2.17ms
}
