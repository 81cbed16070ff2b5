package cluster_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mpbox/mpbox/ipc"
	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

// wait takes a millisecond, so that a job lasts while servers come and go.
func wait(_ context.Context, n int) (int, error) {
	time.Sleep(time.Millisecond)
	return -n, nil
}

var waitFunc = ipc.NewFunc(wait)

// newThreeServers starts the servers of deploy/three.conf, which have a disk
// each, and returns also where they listen to each other.
func newThreeServers(t *testing.T, ca *authority, who accounts) (servers []*server, routes []string) {
	t.Helper()
	var env []string
	for i := range 3 {
		routes = append(routes, freeAddr(t))
		env = append(env, fmt.Sprintf("NATS_ROUTE_%d=tls://%s", i+1, routes[i]))
	}
	for i, route := range routes {
		own := append(append(env, who.env...), ca.server(fmt.Sprintf("server%d", i+1), "127.0.0.1")...)
		s := newServer(t, freeAddr(t), "deploy/three.conf", append(own, "NATS_ROUTE_LISTEN="+route)...)
		s.launch()
		servers = append(servers, s)
	}
	for _, s := range servers { // none is ready before it has seen another one
		s.await()
	}
	return servers, routes
}

// awaitLeader waits until the servers have chosen who of them says where streams
// are.
func awaitLeader(t *testing.T, ctx context.Context, s *server, who accounts) {
	t.Helper()
	y := newSpy(t, s, "nothing", who.render)
	probe := jetstream.StreamConfig{Name: "PROBE", Replicas: 3}
	if !until(ctx, func() bool { _, err := y.js.CreateOrUpdateStream(ctx, probe); return err == nil }) {
		t.Fatal("the servers have no leader")
	}
	if err := y.js.DeleteStream(ctx, probe.Name); err != nil {
		t.Fatal(err)
	}
}

// TestThreeServers: what is on three servers is not lost, and goes on, if any
// one of them is killed.
func TestThreeServers(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, 2*time.Minute)
	ca := newAuthority(t)
	who := newAccounts(t, ca)
	servers, _ := newThreeServers(t, ca, who)
	awaitLeader(t, ctx, servers[0], who)
	var urls []string
	for _, s := range servers {
		urls = append(urls, "tls://"+s.addr)
	}
	url := strings.Join(urls, ",")
	config := cluster.Config{Name: "render", Options: who.render, Replicas: len(servers), Workers: 2, Lease: 2 * time.Second}
	_, pool := openPool(t, ctx, config, url, waitFunc)
	serve(t, config, url)

	const tasks, each = 3000, 800
	n := 0
	for r, err := range pool.Imap(ctx, count(tasks)) {
		if err != nil || r != -n {
			t.Fatalf("result %d is %d, %v", n, r, err)
		}
		if n++; n%each == 0 {
			s := servers[n/each-1]
			t.Logf("%d results: SIGKILL to the server at %s", n, s.addr)
			s.kill()
			s.start()
			awaitReplicas(t, ctx, s, who)
			t.Logf("it is back, and has what it has missed")
		}
	}
	if n != tasks {
		t.Errorf("%d results; want %d", n, tasks)
	}
}

// count yields the numbers below n.
func count(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// awaitReplicas waits until all streams are on three servers, and up to date.
func awaitReplicas(t *testing.T, ctx context.Context, s *server, who accounts) {
	t.Helper()
	y := newSpy(t, s, "nothing", who.render)
	if !until(ctx, func() bool {
		list := y.js.ListStreams(ctx)
		streams, current := 0, 0
		for info := range list.Info() {
			streams++
			if info.Cluster == nil || info.Cluster.Leader == "" {
				continue
			}
			for _, r := range info.Cluster.Replicas {
				if r.Current && !r.Offline {
					current++
				}
			}
		}
		return list.Err() == nil && streams >= 2 && current == 2*streams
	}) {
		t.Fatal("the streams are not on three servers")
	}
}

// TestRoutesWantCertificates: nobody gets between the servers without a
// certificate of their authority.
func TestRoutesWantCertificates(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	ca := newAuthority(t)
	_, routes := newThreeServers(t, ca, newAccounts(t, ca))
	// A server is ready for clients a moment before it is for other servers.
	var err error
	until(ctx, func() bool { err = shake(t, routes[0], ca, ca); return !errors.Is(err, syscall.ECONNREFUSED) })
	if err != nil {
		t.Errorf("with a certificate of the authority: %v", err)
	}
	for name, from := range map[string]*authority{"none": nil, "one of another authority": newAuthority(t)} {
		err := shake(t, routes[0], ca, from)
		if err == nil || !strings.Contains(err.Error(), "remote error: tls:") {
			t.Errorf("with %s: %v; want a TLS alert", name, err)
		}
	}
}

// shake begins to talk as a server does to another, with a certificate that an
// authority signed.
func shake(t *testing.T, addr string, ca, from *authority) error {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(ca.cert)
	if from != nil {
		config.Certificates = []tls.Certificate{from.pair("intruder")}
	}
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer c.Close()
	// Who is not liked is told after the handshake. Else the server talks first.
	_, err = c.Read(make([]byte, 1))
	return err
}
