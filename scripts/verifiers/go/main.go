// Verifies an access token with go-oidc and with golang-jwt, given nothing but the issuer's URL.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
)

var (
	issuer   = os.Getenv("ISSUER")
	audience = os.Getenv("AUDIENCE")
	subject  = os.Getenv("SUBJECT")
)

func check(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func withGoOIDC(token string) (string, error) {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return "", err
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: audience}).Verify(ctx, token)
	if err != nil {
		return "", err
	}
	return verified.Subject, nil
}

func withGolangJWT(token string) (string, error) {
	answer, err := http.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&metadata); err != nil {
		return "", err
	}
	keys, err := keyfunc.NewDefault([]string{metadata.JWKSURI})
	if err != nil {
		return "", err
	}
	verified, err := jwt.Parse(token, keys.Keyfunc,
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithValidMethods([]string{"ES256", "RS256", "EdDSA"}))
	if err != nil {
		return "", err
	}
	return verified.Claims.GetSubject()
}

func main() {
	for name, verify := range map[string]func(string) (string, error){
		"go-oidc":    withGoOIDC,
		"golang-jwt": withGolangJWT,
	} {
		got, err := verify(os.Getenv("TOKEN"))
		check(name, err)
		if got != subject {
			check(name, fmt.Errorf("sub is %q", got))
		}
		if _, err := verify(os.Getenv("FORGED")); err == nil {
			check(name, fmt.Errorf("accepts a forged token"))
		}
		fmt.Printf("    %s: accepted, and the forged one refused\n", name)
	}
}
