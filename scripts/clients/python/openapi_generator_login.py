"""Logs in with the client of openapi-generator (python)."""

import json
import os

import openapi_generator_api as api

BASE_URL = os.environ["BASE_URL"]
EMAIL = os.environ["CLIENT"] + "@example.com"
PASSWORD = "correct horse battery 7"

anonymous = api.AuthenticationApi(api.ApiClient(api.Configuration(host=BASE_URL)))
anonymous.register(api.RegisterRequest(email=EMAIL, password=PASSWORD))
tokens = anonymous.login(api.LoginRequest(email=EMAIL, password=PASSWORD))
account = api.AccountApi(api.ApiClient(api.Configuration(host=BASE_URL, access_token=tokens.access_token)))
me = account.get_me()
assert me.email == EMAIL, me
activity = account.list_activity(limit=1)
assert len(activity.events) == 1 and activity.next, activity
refreshed = anonymous.refresh_tokens(api.RefreshRequest(refreshToken=tokens.refresh_token))
assert refreshed.user.id == me.id, refreshed
try:
    anonymous.login(api.LoginRequest(email=EMAIL, password="not the password"))
    raise AssertionError("the wrong password logged in")
except api.ApiException as error:
    problem = api.Problem.from_dict(json.loads(error.body))
    assert problem.code == "invalid_credentials", problem
account.delete_me(api.PasswordConfirmation(password=PASSWORD))
