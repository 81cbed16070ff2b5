// Command primes counts the prime numbers below a number, in worker processes on
// this machine, or on the hosts of a cluster:
//
//	primes                                     on this machine
//	primes -server nats://one:4222 -host      each host runs this
//	primes -server nats://one:4222            and whoever wants to know, this
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
)

// numbers are those from First on, and below End.
type numbers struct{ First, End int }

// count counts the primes among them.
func count(ctx context.Context, n numbers) (primes int, err error) {
	for i := n.First; i < n.End; i++ {
		if isPrime(i) {
			primes++
		}
	}
	return primes, ctx.Err()
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

var countFunc = ipc.NewFunc(count)

func main() { os.Exit(ipc.Main(run)) }

func run() int {
	server := flag.String("server", "", "`URL` of the NATS server; empty means none: all is done here")
	credentials := flag.String("credentials", "", "`file` of the credentials for it")
	host := flag.Bool("host", false, "do what others ask for, until Ctrl-C")
	below := flag.Int("below", 5_000_000, "count the primes below this `number`")
	quiet := flag.Bool("quiet", false, "no progress")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config := cluster.Config{Name: "primes"}
	if *credentials != "" {
		config.Options = []nats.Option{nats.UserCredentials(*credentials)}
	}
	var err error
	if *host {
		err = config.Serve(ctx, *server)
	} else {
		err = ask(ctx, config, *server, *below, *quiet)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "primes:", err)
		return 1
	}
	return 0
}

// ask has the primes counted, and prints how many there are, and who has counted.
func ask(ctx context.Context, config cluster.Config, server string, below int, quiet bool) error {
	c, err := config.Open(ctx, server)
	if err != nil {
		return err
	}
	defer c.Close()
	pool := cluster.NewPool(c, countFunc)
	if !quiet {
		pool.Progress = ipc.ShowProgress(os.Stderr)
	}
	const step = 10_000
	var tasks []numbers
	for first := 0; first < below; first += step {
		tasks = append(tasks, numbers{first, min(first+step, below)})
	}
	counts, err := pool.Map(ctx, tasks)
	if err != nil {
		return err
	}
	primes := 0
	for _, n := range counts {
		primes += n
	}
	fmt.Printf("%d primes below %d\n", primes, below)
	for _, w := range pool.Insights().Workers {
		fmt.Fprintf(os.Stderr, "%s has counted for %d tasks\n", w.Name, w.Tasks)
	}
	pool.Close()
	return pool.Join(ctx)
}
