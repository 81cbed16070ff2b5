package cluster_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/mpbox/mpbox/ipc/cluster"
	"github.com/mpbox/mpbox/ipc/ipctest"
)

const renderPassword = "test-password"

// accounts are the users of the documented configuration, as the options of
// their clients, and the variables of the server for them.
type accounts struct {
	env           []string
	render, solve []nats.Option
}

func newAccounts(t testing.TB, ca *authority) accounts {
	t.Helper()
	user, err := nkeys.CreateUser()
	ca.check(err)
	public, err := user.PublicKey()
	ca.check(err)
	seed, err := user.Seed()
	ca.check(err)
	file := filepath.Join(ca.dir, "solve.nk")
	ca.check(os.WriteFile(file, seed, 0o600))
	nkey, err := nats.NkeyOptionFromSeed(file)
	ca.check(err)
	return accounts{
		env:    []string{"RENDER_PASSWORD=" + renderPassword, "SOLVE_NKEY=" + public},
		render: []nats.Option{nats.RootCAs(ca.file()), nats.UserInfo("render", renderPassword)},
		solve:  []nats.Option{nats.RootCAs(ca.file()), nkey},
	}
}

// startDocumented starts the server of deploy/one.conf.
func startDocumented(t testing.TB) (*server, *authority, accounts) {
	t.Helper()
	ca := newAuthority(t)
	who := newAccounts(t, ca)
	s := newServer(t, freeAddr(t), "deploy/one.conf", append(who.env, ca.server("one", "127.0.0.1")...)...)
	s.start()
	return s, ca, who
}

// TestProgramsAreApart: what one program has on the server is neither seen nor
// changed with the credentials of another one.
func TestProgramsAreApart(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	s, _, who := startDocumented(t)
	render := cluster.Config{Name: "render", Options: who.render}
	serve(t, render, s.url())
	own, other := newSpy(t, s, "ipc.render.>", who.render), newSpy(t, s, "ipc.render.>", who.solve)
	_, pool := openPool(t, ctx, render, s.url(), growFunc)
	growAll(t, ctx, pool)
	heard := own.heard()
	if len(heard) == 0 {
		t.Fatal("the program's own account hears nothing: this test would show nothing")
	}
	if got := other.heard(); len(got) > 0 {
		t.Errorf("the other account has heard %d messages, the first to %s", len(got), got[0].Subject)
	}
	attackStreams(t, ctx, own, other)

	// All that was said, said again by somebody else.
	for _, m := range append(heard, &nats.Msg{Subject: "ipc.render.marker"}) {
		if err := other.nc.Publish(m.Subject, m.Data); err != nil {
			t.Error(err)
		}
	}
	if got := other.heard(); len(got) != len(heard)+1 {
		t.Errorf("the other account hears %d messages of its own; want %d", len(got), len(heard)+1)
	}
	if slices.ContainsFunc(own.heard(), func(m *nats.Msg) bool { return m.Subject == "ipc.render.marker" }) {
		t.Error("what the other account has sent was heard")
	}
	growAll(t, ctx, pool)
}

// attackStreams does to the streams of another account what could be done to
// them from their own.
func attackStreams(t *testing.T, ctx context.Context, own, other *spy) {
	t.Helper()
	names := own.streams(ctx)
	slices.Sort(names)
	if len(names) != 3 || names[0] != "IPC_render" || names[1] != "IPC_render_RESULTS" || !strings.HasPrefix(names[2], "OBJ_IPC_render_") {
		t.Errorf("the program has the streams %q; want two, and that of a bucket", names)
	}
	if got := other.streams(ctx); len(got) > 0 {
		t.Errorf("the other account sees the streams %q", got)
	}
	requests := map[string]any{
		"STREAM.INFO.%s":     nil,
		"STREAM.PURGE.%s":    nil,
		"STREAM.MSG.GET.%s":  map[string]any{"last_by_subj": ">"},
		"CONSUMER.NAMES.%s":  nil,
		"CONSUMER.CREATE.%s": map[string]any{"stream_name": "%s", "config": jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy}},
		"STREAM.DELETE.%s":   nil,
	}
	planted := map[string]string{"IPC_render": "ipc.render.test.task.marker", "IPC_render_RESULTS": "ipc.render.test.result.marker"}
	for _, subject := range planted {
		if _, err := own.js.Publish(ctx, subject, nil); err != nil {
			t.Error(err)
		}
	}
	for _, name := range names {
		for request, body := range requests {
			if create, ok := body.(map[string]any); ok && create["stream_name"] != nil {
				create["stream_name"] = name
			}
			err := other.ask(ctx, fmt.Sprintf(request, name), body)
			if !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Errorf("%s: %v; want ErrStreamNotFound", fmt.Sprintf(request, name), err)
			}
		}
	}
	for name, subject := range planted {
		if err := own.ask(ctx, "STREAM.MSG.GET."+name, map[string]any{"last_by_subj": subject}); err != nil {
			t.Errorf("%s, planted before the attack: %v", subject, err)
		}
	}
}

// TestHostsOfAnotherAccountAreNoHosts: the same program with the credentials of
// another one is by itself.
func TestHostsOfAnotherAccountAreNoHosts(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	s, _, who := startDocumented(t)
	serve(t, cluster.Config{Name: "render", Options: who.render}, s.url())
	c, pool := openPool(t, ctx, cluster.Config{Name: "render", Options: who.render}, s.url(), growFunc)
	growAll(t, ctx, pool)
	if len(c.Hosts()) != 1 {
		t.Errorf("Hosts() = %v; want one", c.Hosts())
	}
	other := cluster.Config{Name: "render", Options: who.solve, Patience: time.Second}
	c, pool = openPool(t, ctx, other, s.url(), growFunc)
	if _, err := pool.Map(ctx, sizes); !errors.Is(err, cluster.ErrNoHosts) {
		t.Errorf("Map() = %v; want ErrNoHosts", err)
	}
	if len(c.Hosts()) != 0 {
		t.Errorf("Hosts() = %v; want none", c.Hosts())
	}
}

// TestServerRefuses: who is not known, or does not know the server's authority,
// is told so at once.
func TestServerRefuses(t *testing.T) {
	ipctest.NoLeaks(t)
	ctx := ipctest.Deadline(t, time.Minute)
	s, ca, _ := startDocumented(t)
	isAuthorization := func(err error) bool { return errors.Is(err, nats.ErrAuthorization) }
	isAuthority := func(err error) bool {
		_, ok := errors.AsType[x509.UnknownAuthorityError](err)
		return ok
	}
	for _, tt := range []struct {
		name    string
		options []nats.Option
		is      func(error) bool
		text    string
	}{
		{"no credentials", []nats.Option{nats.RootCAs(ca.file())}, isAuthorization, "Authorization Violation"},
		{"wrong password", []nats.Option{nats.RootCAs(ca.file()), nats.UserInfo("render", "guessed")}, isAuthorization, "Authorization Violation"},
		{"user of nothing", []nats.Option{nats.RootCAs(ca.file()), nats.UserInfo("admin", renderPassword)}, isAuthorization, "Authorization Violation"},
		{"unknown authority", []nats.Option{nats.UserInfo("render", renderPassword)}, isAuthority, "certificate signed by unknown authority"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := cluster.Config{Name: "render", Options: tt.options}
			c, err := config.Open(ctx, s.url())
			if err == nil {
				c.Close()
			}
			for what, err := range map[string]error{"Open": err, "Serve": config.Serve(ctx, s.url())} {
				if err == nil || !tt.is(err) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), s.addr) {
					t.Errorf("%s() = %v; want %q, with the server's address", what, err, tt.text)
				}
				if err != nil && strings.Contains(err.Error(), renderPassword) {
					t.Errorf("%s() = %v, with the password", what, err)
				}
			}
		})
	}
}
