// Logs in with the client of openapi-generator (go).
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"

	"watchword.example/clients/openapi-generator/api"
)

const password = "correct horse battery 7"

func check(ok bool, err error, found any) {
	if err != nil {
		log.Fatal(err)
	}
	if !ok {
		log.Fatalf("unexpected: %+v", found)
	}
}

func main() {
	ctx := context.Background()
	email := os.Getenv("CLIENT") + "@example.com"
	configuration := api.NewConfiguration()
	configuration.Servers = api.ServerConfigurations{{URL: os.Getenv("BASE_URL")}}
	client := api.NewAPIClient(configuration)
	_, _, err := client.AuthenticationAPI.Register(ctx).RegisterRequest(*api.NewRegisterRequest(email, password)).Execute()
	check(true, err, nil)
	login := api.NewLoginRequest(password)
	login.SetEmail(email)
	tokens, _, err := client.AuthenticationAPI.Login(ctx).LoginRequest(*login).Execute()
	check(true, err, nil)
	authorized := context.WithValue(ctx, api.ContextAccessToken, tokens.AccessToken)
	me, _, err := client.AccountAPI.GetMe(authorized).Execute()
	check(err == nil && me.Email == email, err, me)
	activity, _, err := client.AccountAPI.ListActivity(authorized).Limit(1).Execute()
	check(err == nil && len(activity.Events) == 1 && activity.HasNext(), err, activity)
	refresh := api.NewRefreshRequest(tokens.RefreshToken)
	refreshed, _, err := client.AuthenticationAPI.RefreshTokens(ctx).RefreshRequest(*refresh).Execute()
	check(err == nil && refreshed.User.Id == me.Id, err, refreshed)
	login.SetPassword("not the password")
	_, _, err = client.AuthenticationAPI.Login(ctx).LoginRequest(*login).Execute()
	var refused *api.GenericOpenAPIError
	check(errors.As(err, &refused), nil, err)
	problem, ok := refused.Model().(api.Problem)
	check(ok && problem.Code == "invalid_credentials", nil, refused.Model())
	deleted, err := client.AccountAPI.DeleteMe(authorized).PasswordConfirmation(*api.NewPasswordConfirmation(password)).Execute()
	check(err == nil && deleted.StatusCode == http.StatusNoContent, err, deleted)
}
