package bench

import "github.com/mpbox/mpbox/ipc"

// A crew is children that do the same side by side. The main process only
// tells them how often, and waits.
type crew struct {
	s      *Session
	orders []*ipc.Conn[int]
}

// hire starts a crew of that size.
func (s *Session) hire(size int, j job) (*crew, error) {
	c := &crew{s: s}
	for range size {
		ours, theirs, err := ipc.Pipe[int]()
		if err != nil {
			return nil, err
		}
		s.keep(ours, theirs)
		j.Orders = theirs
		if err := s.spawn(j); err != nil {
			return nil, err
		}
		_ = theirs.Close() // so that either side sees the end of the other
		c.orders = append(c.orders, ours)
	}
	return c, nil
}

// share lets the children do n operations together.
func (c *crew) share(n int) error {
	for i, orders := range c.orders {
		part := n / len(c.orders)
		if i < n%len(c.orders) {
			part++
		}
		if err := orders.Send(c.s.ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// each lets each of the children do n operations.
func (c *crew) each(n int) error { return c.share(n * len(c.orders)) }

// wait waits until all have done what they were told.
func (c *crew) wait() error {
	for _, orders := range c.orders {
		if _, err := orders.Recv(c.s.ctx); err != nil {
			return err
		}
	}
	return nil
}
