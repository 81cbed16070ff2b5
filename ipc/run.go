package ipc

// pack appends tasks from number index on to b, up to n of them, and returns how
// many. What can't be encoded fails, and the others are given back.
func (j *job) pack(b []byte, index, n int) (msg []byte, done int) {
	start := b
	defer func() {
		if v := recover(); v != nil {
			msg, done = start, 0
			j.panics(v)
			j.giveBack(index, n)
		}
	}()
	msg, done, err := j.encode(b, index, n)
	if err != nil {
		j.giveBack(index+done+1, n-done-1)
		j.fails(&TaskError{Index: index + done, Cause: CauseError, Err: err}, false)
	} else {
		j.giveBack(index+done, n-done)
	}
	return msg, done
}

// take takes the results of n tasks from number index on, which lie in body, and
// returns how many it has dealt with. One that can't be decoded is a failure of
// its task, of which where says who has done it.
func (j *job) take(s strip, index, n int, body []byte, where TaskError) (taken int, rest []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			j.panics(v)
			j.giveBack(index+taken, n-taken)
			rest, err = s.skip(body, n-taken)
			taken = n
		}
	}()
	for taken < n {
		done, bad := j.keep(body, index+taken, n-taken)
		j.succeeded(done)
		taken += done
		if body, err = s.skip(body, done); err != nil {
			return taken, nil, err
		}
		if bad == nil && taken < n {
			return taken, nil, errBatch
		}
		if bad != nil {
			if body, err = s.skip(body, 1); err != nil {
				return taken, nil, err
			}
			e := where
			e.Index, e.Cause, e.Err = index+taken, CauseError, bad
			j.fails(&e, false)
			taken++
		}
	}
	return taken, body, nil
}
