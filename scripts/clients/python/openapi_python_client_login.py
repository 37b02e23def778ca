"""Logs in with the client of openapi-python-client."""

import os

from openapi_python_client_api import AuthenticatedClient, Client
from openapi_python_client_api.api.account import delete_me, get_me, list_activity
from openapi_python_client_api.api.authentication import login, refresh_tokens, register
from openapi_python_client_api.models import (
    EventPage,
    LoginRequest,
    PasswordConfirmation,
    Problem,
    RefreshRequest,
    RegisterRequest,
    TokenResponse,
    User,
)

BASE_URL = os.environ["BASE_URL"]
EMAIL = os.environ["CLIENT"] + "@example.com"
PASSWORD = "correct horse battery 7"

client = Client(base_url=BASE_URL)
registered = register.sync(client=client, body=RegisterRequest(email=EMAIL, password=PASSWORD))
assert isinstance(registered, TokenResponse), registered
tokens = login.sync(client=client, body=LoginRequest(email=EMAIL, password=PASSWORD))
assert isinstance(tokens, TokenResponse), tokens
authorized = AuthenticatedClient(base_url=BASE_URL, token=tokens.access_token)
me = get_me.sync(client=authorized)
assert isinstance(me, User) and me.email == EMAIL, me
activity = list_activity.sync(client=authorized, limit=1)
assert isinstance(activity, EventPage) and len(activity.events) == 1 and activity.next_, activity
refreshed = refresh_tokens.sync(client=client, body=RefreshRequest(refresh_token=tokens.refresh_token))
assert isinstance(refreshed, TokenResponse) and refreshed.user.id == me.id, refreshed
refused = login.sync(client=client, body=LoginRequest(email=EMAIL, password="not the password"))
assert isinstance(refused, Problem) and refused.code == "invalid_credentials", refused
deleted = delete_me.sync_detailed(client=authorized, body=PasswordConfirmation(password=PASSWORD))
assert deleted.status_code == 204, deleted
