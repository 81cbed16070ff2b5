package ipc_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/mpbox/mpbox/ipc"
)

// soakMix has n tasks done, a quarter of them in each way that a pool has.
func soakMix[R laurel](ctx context.Context, s *trial, p *ipc.Pool[ordeal, R], n int) {
	ways := []func(context.Context, *trial, *ipc.Pool[ordeal, R], []ordeal){
		soakMap[R], soakImap[R], soakUnordered[R], soakApply[R],
	}
	var in []ordeal
	for i := range n {
		in = append(in, newOrdeal(s.first+i))
	}
	var wg sync.WaitGroup
	for i, part := range slices.Collect(slices.Chunk(in, (n+len(ways)-1)/len(ways))) {
		wg.Go(func() { ways[i](ctx, s, p, part) })
	}
	wg.Wait()
}

// judge tells of a task with a result that should be its own.
func judge[R laurel](s *trial, n int, r R, err error) {
	own, right := r.number()
	s.tell(n, right && own == n, err)
}

func soakMap[R laurel](ctx context.Context, s *trial, p *ipc.Pool[ordeal, R], in []ordeal) {
	results, err := p.Map(ctx, in)
	failed, isTasks := errors.AsType[ipc.TaskErrors](err)
	if err != nil && !isTasks {
		s.Errorf("Map() = %v", err)
	}
	for i, r := range results {
		if len(failed) > 0 && failed[0].Index == i {
			s.tell(in[i].N, false, failed[0])
			failed = failed[1:]
			continue
		}
		judge(s, in[i].N, r, nil)
	}
	if len(failed) > 0 {
		s.Errorf("Map() has the errors %v besides", failed)
	}
}

func soakImap[R laurel](ctx context.Context, s *trial, p *ipc.Pool[ordeal, R], in []ordeal) {
	i := 0
	for r, err := range p.Imap(ctx, slices.Values(in)) {
		if e, isTask := errors.AsType[*ipc.TaskError](err); err != nil && (!isTask || e.Index != i) {
			s.Errorf("Imap yields %v as number %d", err, i)
			return
		}
		judge(s, in[i].N, r, err)
		i++
	}
}

// soakUnordered takes its input as it comes, from an iterator that can't know
// how far it is ahead.
func soakUnordered[R laurel](ctx context.Context, s *trial, p *ipc.Pool[ordeal, R], in []ordeal) {
	var seq iter.Seq[ordeal] = slices.Values(in)
	for r, err := range p.ImapUnordered(ctx, seq) {
		n, _ := r.number()
		if err != nil {
			e, isTask := errors.AsType[*ipc.TaskError](err)
			if !isTask {
				s.Errorf("ImapUnordered yields %v", err)
				return
			}
			n = in[e.Index].N
		}
		judge(s, n, r, err)
	}
}

func soakApply[R laurel](ctx context.Context, s *trial, p *ipc.Pool[ordeal, R], in []ordeal) {
	number := map[*ipc.Result[R]]int{}
	var results []*ipc.Result[R]
	for _, o := range in {
		r := p.ApplyAsync(o)
		number[r] = o.N
		results = append(results, r)
	}
	for r := range ipc.AsCompleted(ctx, results...) {
		v, err := r.Get(ctx)
		judge(s, number[r], v, err)
	}
}
