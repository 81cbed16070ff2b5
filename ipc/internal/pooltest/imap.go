package pooltest

import (
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// errInput is known by its address: it never leaves this process.
var errInput = errors.New("the input has failed")

// failsAt yields 0 to n-1, and then an error.
func failsAt(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		yield(0, errInput)
	}
}

// streamed is what a stream yields up to its first error, and that.
func streamed[R any](results iter.Seq2[R, error]) (got []R, err error) {
	for r, e := range results {
		if err != nil {
			return got, errors.New("there is more behind the error")
		}
		if err = e; err == nil {
			got = append(got, r)
		}
	}
	return got, err
}

func imapInOrder(c *check) { // POOL-12, POOL-55
	for n, chunk := range map[int]int{10: 0, 1000: 100, 300: 1, 3000: 0} {
		pool := newPool(c, squareFunc)
		pool.ChunkSize = chunk
		items := make(chan int) // nobody knows how many
		go func() {
			defer close(items)
			for i := range n {
				items <- i
			}
		}()
		got, err := streamed(pool.Imap(c.ctx, func(yield func(int) bool) {
			for i := range items {
				if !yield(i) {
					return
				}
			}
		}))
		if !slices.Equal(got, squares(n)) || err != nil {
			c.Errorf("%d tasks, chunks of %d: Imap() = %d results, %v", n, chunk, len(got), err)
		}
		pool.Close()
	}
}

// An error stands in the place of its result, and the others come behind it.
func imapOfErrors(c *check) {
	pool := newActPool(c)
	in := c.acts("square", 12)
	in[0].What, in[4].What, in[5].What, in[11].What = "lost", "kill", "panic", "eof"
	i := 0
	for r, err := range pool.Imap(c.ctx, slices.Values(in)) {
		if in[i].What == "square" {
			if r.N != i*i || err != nil {
				c.Errorf("result %d is %+v, %v", i, r, err)
			}
		} else if e := c.failure(err); e.Index != i {
			c.Errorf("in place %d there is %v", i, err)
		}
		i++
	}
	if i != len(in) {
		c.Errorf("Imap() yields %d results; want %d", i, len(in))
	}
}

func imapUnordered(c *check) { // POOL-14
	for n, chunk := range map[int]int{10: 0, 1000: 100, 300: 1, 3000: 0} {
		pool := newPool(c, squareFunc)
		pool.ChunkSize = chunk
		got, err := streamed(pool.ImapUnordered(c.ctx, slices.Values(numbers(n))))
		if slices.Sort(got); !slices.Equal(got, squares(n)) || err != nil {
			c.Errorf("%d tasks, chunks of %d: ImapUnordered() = %d results, %v", n, chunk, len(got), err)
		}
		pool.Close()
	}
}

// The first task waits until the result of the second one is taken.
func quickOnesFirst(c *check) { // POOL-57
	pool := newActPool(c)
	var got []int
	for r, err := range pool.ImapUnordered(c.ctx, slices.Values([]act{{"wait", 1, c.at}, {"square", 2, c.at}})) {
		if err != nil {
			c.Fatal(err)
		}
		if got = append(got, r.N); len(got) == 1 {
			c.say("go")
		}
	}
	if !slices.Equal(got, []int{4, 1}) {
		c.Errorf("ImapUnordered() = %v; want the result of 2 before that of 1", got)
	}
}

// In order nothing comes before the first, which waits for the second.
func slowOneFirst(c *check) {
	pool := newActPool(c)
	var got []int
	for r, err := range pool.Imap(c.ctx, slices.Values([]act{{"wait for next", 1, c.at}, {"square", 2, c.at}})) {
		if err != nil {
			c.Fatal(err)
		}
		got = append(got, r.N)
	}
	if !slices.Equal(got, []int{1, 4}) {
		c.Errorf("Imap() = %v; want the result of 1 before that of 2", got)
	}
}

func inputFails(c *check) { // POOL-09, POOL-13
	for _, chunk := range []int{0, 1, 2, 4} {
		pool := newPool(c, squareFunc)
		pool.ChunkSize = chunk
		for _, n := range []int{0, 3, 7, 0} { // it is as good as before
			got, err := streamed(pool.ImapFrom(c.ctx, failsAt(n)))
			if !slices.Equal(got, squares(n)) || err != errInput {
				c.Errorf("chunks of %d, error at %d: ImapFrom() = %v, %v", chunk, n, got, err)
			}
		}
		pool.Close()
	}
}

// An input that panics does so in the loop over the results.
func inputPanics(c *check) {
	pool := newPool(c, squareFunc)
	v := recovered(func() {
		for range pool.Imap(c.ctx, func(yield func(int) bool) {
			yield(1)
			panic("from the input")
		}) {
		}
	})
	if v != "from the input" {
		c.Errorf("Imap() panics with %v", v)
	}
	if got, err := pool.Apply(c.ctx, 5); got != 25 || err != nil {
		c.Errorf("the next Apply() = %d, %v", got, err)
	}
}

// When the loop over the results is left, the input is over, and the tasks that
// were begun have ended.
func imapIsLeft(c *check) { // KF-13
	pool := newActPool(c)
	pool.Grace = time.Hour
	var given atomic.Int64
	var over atomic.Bool
	there := make(chan struct{}) // the first result
	endless := func(yield func(act) bool) {
		defer over.Store(true)
		if !yield(act{"square", 0, c.at}) {
			return
		}
		for <-there; yield(act{"heed", int(given.Add(1)), c.at}); {
		}
	}
	for r, err := range pool.Imap(c.ctx, endless) {
		if r.Pid == 0 || err != nil {
			c.Errorf("Imap() yields %+v, %v", r, err)
		}
		close(there)
		c.hear("began", 1+c.Workers)
		break
	}
	if !over.Load() {
		c.Errorf("the input goes on after %d items", given.Load())
	}
	if began, heeded := len(c.at.heard("began"))-1, len(c.at.heard("heeded")); began != c.Workers || heeded != began {
		c.Errorf("%d tasks were begun, %d have ended; want %d", began, heeded, c.Workers)
	}
	if r, err := pool.Apply(c.ctx, act{"square", 5, c.at}); r.N != 25 || err != nil {
		c.Errorf("the next Apply() = %+v, %v", r, err)
	}
}

// The input is asked for as much as the window lets it be, and for no more.
func window(c *check) { // KF-13
	const size = 6
	for _, unordered := range []bool{false, true} {
		pool := newPool(c, squareFunc)
		pool.Window, pool.ChunkSize = size, 1
		var given atomic.Int64
		endless := func(yield func(int) bool) {
			for i := 0; ; i++ {
				given.Add(1)
				if !yield(i) {
					return
				}
			}
		}
		stream := pool.Imap
		if unordered {
			stream = pool.ImapUnordered
		}
		taken := 0
		for _, err := range stream(c.ctx, endless) {
			if err != nil {
				c.Fatal(err)
			}
			taken++
			c.until(true, "the input goes on", func() bool { return int(given.Load()) >= taken+size })
			time.Sleep(pause) // in which more could come
			if n := int(given.Load()) - taken; n > size {
				c.Fatalf("the input is %d values ahead; want no more than %d", n, size)
			}
			if taken == 20 {
				break
			}
		}
		pool.Close()
	}
}
