"""Verifies an access token with PyJWT and with Authlib, given nothing but the issuer's URL."""

import json
import os
import sys
from urllib.request import urlopen

import jwt
from authlib.jose import JsonWebKey, JsonWebToken

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
ALGORITHMS = ["ES256", "RS256", "EdDSA"]


def load(url):
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def metadata():
    found = load(f"{ISSUER}/.well-known/openid-configuration")
    assert found["issuer"] == ISSUER, found
    return found


def with_pyjwt(token):
    key = jwt.PyJWKClient(metadata()["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )
    return claims["sub"]


def with_authlib(token):
    keys = JsonWebKey.import_key_set(load(metadata()["jwks_uri"]))
    options = {
        "iss": {"essential": True, "value": ISSUER},
        "aud": {"essential": True, "value": AUDIENCE},
        "exp": {"essential": True},
    }
    claims = JsonWebToken(ALGORITHMS).decode(token, keys, claims_options=options)
    claims.validate()
    return claims["sub"]


for name, verify in (("PyJWT", with_pyjwt), ("Authlib", with_authlib)):
    subject = verify(os.environ["TOKEN"])
    if subject != os.environ["SUBJECT"]:
        sys.exit(f"{name}: sub is {subject}")
    try:
        verify(os.environ["FORGED"])
    except Exception:  # each library has errors of its own
        print(f"    {name}: accepted, and the forged one refused")
    else:
        sys.exit(f"{name} accepts a forged token")
