package cluster

import (
	"strings"
	"time"
)

// What callers and hosts tell each other besides the tasks.

// A sign is a caller's sign of life.
type sign struct {
	Pools []string
	Gone  bool
}

// A Host is what is known of a host.
type Host struct {
	Name    string
	Pid     int // of its agent
	Workers int // that it may have for each pool
	Tasks   int // that it has done, or failed, for all callers
	Running int // chunks of tasks that it has
	Seen    time.Time
}

// A heartbeat is a host's.
type heartbeat struct {
	Host
	Gone bool
}

// A question is what a host asks the caller of a pool: how it is, or whether a
// chunk may be begun that has perhaps ended its host before. Back is no question:
// the chunk was given up, and has ended nothing. Nor is Why: the server does not
// keep the outcome.
type question struct {
	Pool, Chunk string
	Host        string // the id of who asks
	Back        bool
	Why         string
}

// An advice answers it. Without a Spec there is no such pool any more.
type advice struct {
	Spec  []byte
	Begin bool
}

// An order is what a caller tells its hosts.
type order struct{ Verb, Pool, Job string }

// Verbs of orders.
const (
	stopJob      = "stop"     // nobody wants what is left of it
	endPool      = "end"      // kill its workers
	closePool    = "close"    // let its workers end; the answer comes when they have
	tellInsights = "insights" // for an answer with them
)

// An answer is a host's to an order.
type answer struct {
	Host, ID string
	Has      []string // chunks of the job or pool that are there, of which there will be reports
	Insights []byte
}

// output is what workers have written.
type output struct {
	Pool, Stream string
	Lines        []byte
}

func lastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

func firstToken(subject string) string {
	first, _, _ := strings.Cut(subject, ".")
	return first
}
