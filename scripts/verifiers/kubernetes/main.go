// Verifies an access token with the authenticator of the Kubernetes API server, given nothing but the issuer's URL.
//
// Kubernetes wants an issuer with https: BACKEND is the service's address, and ISSUER the address at which this
// program puts TLS in front of it.
package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

func must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "Kubernetes: %v\n", err)
		os.Exit(1)
	}
}

// terminateTLS serves the service at the issuer's address, and returns the certificate that clients need.
func terminateTLS(issuer, backend *url.URL) []byte {
	listener, err := net.Listen("tcp", issuer.Host)
	must(err)
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(backend))
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

type certificate []byte

func (c certificate) Name() string                { return "issuer" }
func (c certificate) CurrentCABundleContent() []byte { return c }

func prefixed(claim string) apiserver.PrefixedClaimOrExpression {
	prefix := "watchword:"
	return apiserver.PrefixedClaimOrExpression{Claim: claim, Prefix: &prefix}
}

func main() {
	issuer, err := url.Parse(os.Getenv("ISSUER"))
	must(err)
	backend, err := url.Parse(os.Getenv("BACKEND"))
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	authenticator, err := oidc.New(ctx, oidc.Options{
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer: apiserver.Issuer{URL: issuer.String(), Audiences: []string{os.Getenv("AUDIENCE")}},
			ClaimMappings: apiserver.ClaimMappings{Username: prefixed("sub"), Groups: prefixed("roles")},
		},
		CAContentProvider:    certificate(terminateTLS(issuer, backend)),
		SupportedSigningAlgs: []string{"ES256", "RS256"},
	})
	must(err)
	for authenticator.HealthCheck() != nil {
		must(ctx.Err())
		time.Sleep(50 * time.Millisecond)
	}

	response, ok, err := authenticator.AuthenticateToken(ctx, os.Getenv("TOKEN"))
	must(err)
	if !ok || response.User.GetName() != "watchword:"+os.Getenv("SUBJECT") || !slices.Contains(response.User.GetGroups(), "watchword:user") {
		must(fmt.Errorf("authenticated %v as %+v", ok, response))
	}
	if _, ok, err := authenticator.AuthenticateToken(ctx, os.Getenv("FORGED")); ok || err == nil || !strings.Contains(err.Error(), "signature") {
		must(fmt.Errorf("the forged token: %v, %v", ok, err))
	}
	fmt.Println("    Kubernetes: accepted, and the forged one refused")
}

