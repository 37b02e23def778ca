// Logs in with the client of oapi-codegen.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"watchword.example/clients/oapi-codegen/api"
)

const password = "correct horse battery 7"

func check(ok bool, err error, found []byte) {
	if err != nil {
		log.Fatal(err)
	}
	if !ok {
		log.Fatalf("unexpected: %s", found)
	}
}

func main() {
	ctx := context.Background()
	email := os.Getenv("CLIENT") + "@example.com"
	client, err := api.NewClientWithResponses(os.Getenv("BASE_URL"))
	check(true, err, nil)
	registered, err := client.RegisterWithResponse(ctx, nil, api.RegisterRequest{Email: email, Password: password})
	check(err == nil && registered.JSON201 != nil, err, registered.Body)
	loggedIn, err := client.LoginWithResponse(ctx, api.LoginRequest{Email: &email, Password: password})
	check(err == nil && loggedIn.JSON200 != nil, err, loggedIn.Body)
	tokens := loggedIn.JSON200
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		return nil
	}
	me, err := client.GetMeWithResponse(ctx, authorize)
	check(err == nil && me.JSON200 != nil && me.JSON200.Email == email, err, me.Body)
	limit := int32(1)
	activity, err := client.ListActivityWithResponse(ctx, &api.ListActivityParams{Limit: &limit}, authorize)
	check(err == nil && activity.JSON200 != nil && len(activity.JSON200.Events) == 1 && activity.JSON200.Next != nil, err, activity.Body)
	refreshed, err := client.RefreshTokensWithResponse(ctx, api.RefreshRequest{RefreshToken: tokens.RefreshToken})
	check(err == nil && refreshed.JSON200 != nil && refreshed.JSON200.User.Id == me.JSON200.Id, err, refreshed.Body)
	refused, err := client.LoginWithResponse(ctx, api.LoginRequest{Email: &email, Password: "not the password"})
	check(err == nil && refused.ApplicationproblemJSON401 != nil, err, refused.Body)
	check(refused.ApplicationproblemJSON401.Code == "invalid_credentials", nil, refused.Body)
	deleted, err := client.DeleteMeWithResponse(ctx, api.PasswordConfirmation{Password: password}, authorize)
	check(err == nil && deleted.StatusCode() == http.StatusNoContent, err, deleted.Body)
}
