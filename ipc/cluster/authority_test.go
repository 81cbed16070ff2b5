package cluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An authority signs the certificates of a test's servers.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key, _ = a.sign("authority", &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of " + t.Name()}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	return a
}

// file is where the certificate of the authority is.
func (a *authority) file() string { return filepath.Join(a.dir, "authority.pem") }

// server makes the certificate of a server at that IP address, and returns the
// variables that the documented configurations have for it.
func (a *authority) server(name, ip string) (env []string) {
	a.t.Helper()
	_, env = a.sign(name, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.ParseIP(ip)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // of routes
	}, a.cert)
	return append(env, "NATS_CA="+a.file(), "NATS_NAME="+name)
}

// pair is the certificate of a server with its key.
func (a *authority) pair(name string) tls.Certificate {
	a.t.Helper()
	a.server(name, "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key"))
	a.check(err)
	return pair
}

// sign writes a new certificate and its key to files. Without a parent, it is
// the authority's own.
func (a *authority) sign(name string, c, parent *x509.Certificate) (_ *ecdsa.PrivateKey, env []string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.check(err)
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	a.check(err)
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	signer := a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	a.check(err)
	if a.cert == nil {
		a.cert, err = x509.ParseCertificate(der)
		a.check(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	a.check(err)
	return key, []string{
		"NATS_CERT=" + a.write(name+".pem", "CERTIFICATE", der),
		"NATS_KEY=" + a.write(name+".key", "PRIVATE KEY", keyDER),
	}
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	a.check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

func (a *authority) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
