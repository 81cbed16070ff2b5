package cluster

// Attach has the tasks of an *ipc.Pool done by c.
func (c *Cluster) Attach(pool any) { c.attach(pool) }
