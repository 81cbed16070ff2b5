// Package cluster has the tasks of pools of package ipc done by the worker
// processes of several machines. The pool is the same, with all that it does; one
// line changes:
//
//	pool := ipc.NewPool(countFunc, ipc.CPUs())
//	pool := cluster.NewPool(c, countFunc)
//
// where c is what [Open] returns. Without an address nothing has to be set up,
// and the program works on one machine, with a NATS server inside of it. With the
// address of a NATS server its tasks go to all hosts on which the same executable
// has called [Serve].
//
// # What is done with a task
//
// Tasks travel in chunks. JetStream, the part of the server that stores, keeps a
// chunk until its results are kept, so that it survives the death of any host, and
// of the server. Hosts take chunks when they have room, and extend their lease on
// them while they work: a chunk whose host is not heard of for [Config].Lease goes
// to another one. So each task is done at least once, and perhaps more often: what
// it does to the world outside must bear that. Its result comes once.
//
// In Map and all others, errors and the limits of package ipc are as on one
// machine; an [ipc.TaskError] names the host. A worker that dies costs one task.
// A task that ends whole hosts is quarantined when it has done so
// [ipc.Pool].MaxDeaths times; those that were under way with it are not blamed.
//
// A caller that dies is missed within a lease: then hosts end its tasks, and
// remove what the server keeps of it. Values that are too large for a message of
// the server go through its object store.
//
// # Who may do what
//
// Hosts run functions that are registered in their own executable, and only for
// callers of the very same one, which they tell by its SHA-256: others get a
// [*BuildError]. Who can talk to the server under a program's name can have these
// functions called with any values, and see those of others. So let each program
// have its own account on the server, as in deploy/accounts.conf; accounts can't
// reach each other. Nothing in this package listens to the network.
package cluster
