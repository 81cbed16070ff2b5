package cluster

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// A chunk is a run of tasks as a host gets it. The subject has whose it is:
// task.C.P.J. It has no number of the chunk: the server keeps a record of each
// subject.
type chunk struct {
	caller, pool, job, number string

	first, n int
	alone    bool   // nothing is to be done beside it
	large    bool   // the items are in the bucket
	items    []byte // empty then
}

var errFrame = errors.New("cluster: a message is damaged")

// key is what a chunk is known by: C.P.K.
func (c *chunk) key() string { return c.caller + "." + c.pool + "." + c.number }

// count is the number as a number.
func (c *chunk) count() uint64 {
	n, _ := strconv.ParseUint(c.number, 10, 64)
	return n
}

func (c *chunk) objectName() string { return "task." + c.pool + "." + c.number }

func (c *chunk) append(b []byte) []byte {
	b = binary.AppendUvarint(b, c.count())
	for _, n := range [...]int{c.first, c.n, bit(c.alone), bit(c.large)} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return append(b, c.items...)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// parseChunk takes the subject behind its base.
func parseChunk(subject string, data []byte) (c *chunk, err error) {
	t := strings.Split(subject, ".")
	if len(t) != 4 {
		return nil, errFrame
	}
	c = &chunk{caller: t[1], pool: t[2], job: t[3]}
	var numbers [5]int
	for i := range numbers {
		if numbers[i], data, err = takeInt(data); err != nil {
			return nil, err
		}
	}
	c.number = strconv.Itoa(numbers[0])
	c.first, c.n, c.alone, c.large, c.items = numbers[1], numbers[2], numbers[3] != 0, numbers[4] != 0, data
	return c, nil
}

func takeInt(b []byte) (n int, rest []byte, err error) {
	v, size := binary.Uvarint(b)
	if size <= 0 || v > 1<<40 {
		return 0, nil, errFrame
	}
	return int(v), b[size:], nil
}

// An outcome is what has become of a chunk. The subject is result.C.P.
type outcome struct {
	what   byte
	number uint64
	host   string
	body   []byte // the report, its name in the bucket, or why
}

const (
	reported = 'r'
	large    = 'l' // the report is in the bucket
	partial  = 'p' // it is of tasks of a chunk others of which are under way
	refused  = 'x' // this host can't do tasks of this pool at all
)

func (o outcome) append(b []byte) []byte {
	b = append(b, o.what)
	b = binary.AppendUvarint(b, o.number)
	b = binary.AppendUvarint(b, uint64(len(o.host)))
	b = append(b, o.host...)
	return append(b, o.body...)
}

func parseOutcome(b []byte) (o outcome, err error) {
	if len(b) == 0 {
		return o, errFrame
	}
	number, rest, err := takeInt(b[1:])
	if err != nil {
		return o, err
	}
	o.what, o.number = b[0], uint64(number)
	n, rest, err := takeInt(rest)
	if err != nil || n > len(rest) {
		return o, errFrame
	}
	o.host, o.body = string(rest[:n]), rest[n:]
	return o, nil
}
