// Package ipc runs functions in other processes and lets them communicate, as
// Python's multiprocessing does.
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//		"os"
//
//		"github.com/mpbox/mpbox/ipc"
//	)
//
//	func greet(_ context.Context, name string) error {
//		fmt.Println("hello,", name, "- from", ipc.CurrentProcess().Name)
//		return nil
//	}
//
//	var greetTarget = ipc.NewTarget(greet)
//
//	func run() int {
//		p := ipc.NewProcess(greetTarget, "Bob")
//		if err := p.Start(); err != nil {
//			fmt.Println(err)
//			return 1
//		}
//		if err := p.Join(context.Background()); err != nil {
//			return 1
//		}
//		return 0
//	}
//
//	func main() { os.Exit(ipc.Main(run)) }
//
// prints "hello, Bob - from Process-1".
//
// # Targets
//
// A Go program can't be forked: a child is a new run of the same executable,
// which [Main] turns into the function that it is to run. So functions that
// run in children are registered in package-level variables, by [NewTarget],
// [TargetOf] or [NewFunc]. Start refuses to work in a program that has not
// called Main or [Dispatch] (ErrNoMain), so a program can't multiply by
// mistake, under go test neither.
//
// Arguments are copied: numbers, bools, strings, slices, arrays, maps,
// pointers, structs with exported fields, types that marshal themselves, and
// interfaces with values of types that [Register] knows. Types that can't
// travel are refused when the target is registered.
//
// # Handles
//
// [Conn], [Sender] and [Receiver], [Queue], [Lock], [RLock], [Semaphore],
// [Event], [Cond], [Barrier], [Value] and [Array] are
// handles of objects in shared memory. They travel in the arguments of a
// process, anywhere in them, and from a child to its own children; on Linux
// also in messages, to processes that run already. Open files travel in both.
// A process has what it was given and nothing else. No object has a name in
// the system, so none can be left there: the kernel frees the memory with the
// last process that has it.
//
// # Ending
//
// [Process.Join] waits for the end of a child. [Process.Cancel] ends the
// context of its target, [Process.Terminate] and [Process.Kill] send it a
// signal, and [Process.Stop] does one after the other until it has ended. A
// [Process] with a Timeout is stopped when that is over, and one that is a
// Group takes with it what it has started. [Process.Stacks] shows what a child
// is doing. The [ExitError] that Join returns has the [Cause].
//
// At the end of the program Main ends the children that are daemons and waits
// for the others. If the program is killed, its daemons and their descendants
// end with it; the others go on.
//
// # Pools
//
// A [Pool] runs a [Func] on many values in worker processes, which it uses
// again: [Pool.Map] for a slice, [Pool.Imap] for a sequence that may be
// endless, [Pool.ApplyAsync] for one value, whose [Result] comes later. A task
// that fails, hangs beyond [Pool.Timeout], or kills its worker costs itself
// and no other: its [TaskError] says which it was and why, [Pool.Retry] whether
// it is tried again. [NewSetup] prepares the workers, [Limits] bounds them,
// [ShowProgress] shows how far they are. In a debugger, IPC_INLINE=1 has
// goroutines of the program do the tasks.
//
// # Waiting
//
// Whatever waits takes a context and returns ctx.Err() when that ends. The
// Try methods never wait and return [ErrWouldBlock]. The end of a pipe or a
// queue is io.EOF, itself, so that err == io.EOF holds. What is there is
// returned even if the context has ended.
//
// # When a process is killed
//
// At any point, by any signal, what others see of it within 100 milliseconds,
// and most often within two:
//
//	its parent      Join returns an ExitError with the signal
//	Conn, Receiver  Recv gives what it had sent whole, then io.EOF
//	Conn, Sender    Send returns ErrBrokenPipe
//	Queue           keeps what it had put; Get returns io.EOF when no process
//	                is left that could put, Put ErrBrokenPipe when none that could get
//	                Join a LostTaskError for what it had taken and not done
//	Lock, RLock     the next Acquire has the lock and returns ErrOwnerDied
//	Semaphore       its permits come back
//	Event           nothing: Set waits for nobody
//	Cond            nothing: Notify wakes one that lives
//	Barrier         Wait returns ErrBrokenBarrier, until Reset
//	Value           a Store is seen whole or not at all
//	Array           what it had written stays, half done or not: use its Guard
//	Pool            the task it had fails, with a TaskError that has the ExitError
//	                in it, and no other; the worker is replaced
//
// # Memory
//
// What a process did before a Send, Put, Release, Set, Notify, Store or
// Barrier.Wait synchronizes before the return of the Recv, Get, Acquire, Wait,
// Load or Barrier.Wait that sees it, in any process.
//
// Whoever waits looks for up to 0.2 milliseconds, as long as that pays, and
// then sleeps in the kernel. On Linux a goroutine that sleeps in one of these
// calls holds an operating system thread, some 14 KiB.
//
// Recv makes new memory for each value, as it must; for big slices, RecvInto
// uses what is there. PutMany and GetMany move many small values for little
// more than one.
//
// # Testing
//
// A test binary needs Main as well, in TestMain: os.Exit(ipc.Main(m.Run)), or
// ipctest.Main(m) of package [github.com/mpbox/mpbox/ipc/ipctest], which also
// looks for processes that are left. That package has NoLeaks, which fails a
// test that leaves a process, a descriptor or a file behind, and Deadline,
// which fails one that hangs, with the stacks of all processes. Under -race
// each child sleeps for a second at its end, unless GORACE has
// atexit_sleep_ms=0.
//
// # Platforms
//
// Linux on amd64 and arm64 waits on futexes. Other Unix systems use the
// portable backend, in which a pipe for each shared segment wakes those who
// wait; the build tag ipc_portable selects it on Linux too. Windows is not
// supported.
//
// # Differences from Python
//
//   - There is no fork: targets are registered, and nothing is inherited but
//     arguments.
//   - Arguments and items are copies, made by Start, Send and Put themselves.
//     Handles are shared.
//   - A process that is killed is reported to those who wait for it; it does
//     not leave them waiting.
//   - A daemon may have children, and daemons end with their parent however
//     that ends.
//   - There is no Manager.
package ipc
