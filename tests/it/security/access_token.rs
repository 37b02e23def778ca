//! Access tokens: issue, verify, cache and expiry.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use watchword::domain::session::AuthenticationMethod;
use watchword::domain::user::role::Role;
use watchword::security::access_token::{MAX_CACHED_TOKENS, TokenPolicyError};
use watchword::security::{AccessGrant, AccessTokens, IssueError, KeyRing, TokenError, TokenPolicy};

use super::support::{AUDIENCE, ISSUER, NOW, Sequence, grant, issue, policy, session, signing_key, text, tokens, user};

fn part(token: &str, index: usize) -> Value {
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn a_token_has_exactly_the_claims_of_rfc_9068() {
    let key = signing_key(1, NOW);
    let kid = key.kid().to_owned();
    let tokens = tokens(key);
    let grant = AccessGrant {
        email_verified: true,
        authenticated_at: NOW - Duration::from_secs(3600),
        amr: &[
            AuthenticationMethod::Password,
            AuthenticationMethod::OneTimePassword,
            AuthenticationMethod::MultiFactor,
        ],
        ..grant(&[Role::User, Role::Admin])
    };
    let issued = tokens.issue(&grant, NOW, &Sequence::new(9)).unwrap();
    let token = text(&issued.token);

    assert_eq!(part(&token, 0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid}));
    let claims = part(&token, 1);
    let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "acr",
        "amr",
        "aud",
        "auth_time",
        "client_id",
        "email_verified",
        "exp",
        "iat",
        "iss",
        "jti",
        "roles",
        "sid",
        "sub",
    ];
    assert_eq!(names, BTreeSet::from(expected), "no other claim: the payload is not encrypted");
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["client_id"], "watchword");
    assert_eq!(claims["sub"], user().to_string());
    assert_eq!(claims["sid"], session().to_string());
    assert_eq!(claims["roles"], json!(["user", "admin"]));
    assert_eq!(claims["auth_time"], json!(NOW.unix_timestamp() - 3600));
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2")));
    assert_eq!(claims["email_verified"], json!(true));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 900);
    assert_eq!(issued.expires_in, 900);
    assert_eq!(issued.expires_at.unix_timestamp().to_string(), claims["exp"].to_string());

    let verified = tokens.verify(&token, NOW).unwrap();
    assert_eq!((verified.user_id, verified.session_id), (user(), session()));
    assert_eq!(verified.roles, [Role::User, Role::Admin]);
    assert_eq!(verified.audience, [AUDIENCE]);
    assert_eq!(verified.amr, grant.amr);
    let logged_in = verified.authenticated_at.unwrap();
    assert_eq!(logged_in.unix_timestamp(), grant.authenticated_at.unix_timestamp());
    assert_eq!(verified.token_id.to_string(), claims["jti"].as_str().unwrap());
    assert_eq!(verified.expires_at, issued.expires_at);
    assert!(!format!("{issued:?}").contains(&token), "Debug shows no token");
}

#[test]
fn a_token_for_several_services_names_all_and_one_of_them_is_enough() {
    let with = |audience: &[&str]| {
        let audience = audience.iter().map(ToString::to_string).collect();
        let ring = Arc::new(KeyRing::new([signing_key(1, NOW)]));
        AccessTokens::new(TokenPolicy { audience, ..policy() }, ring).unwrap()
    };
    let token = issue(&with(&["one", "two"]), NOW, &[], &Sequence::new(9));
    assert_eq!(part(&token, 1)["aud"], json!(["one", "two"]));
    for accepting in [&["one", "two"][..], &["one"], &["two"], &["three", "two"]] {
        let claims = with(accepting).verify(&token, NOW).unwrap();
        assert_eq!(claims.audience, ["one", "two"], "as in the token");
    }
    assert_eq!(with(&["three"]).verify(&token, NOW), Err(TokenError::BadClaims));
}

#[test]
fn a_token_is_accepted_until_its_expiry_and_leeway_cached_or_not() {
    for seen_before in [false, true] {
        let tokens = tokens(signing_key(1, NOW));
        let token = issue(&tokens, NOW, &[], &Sequence::new(9));
        if seen_before {
            tokens.verify(&token, NOW).unwrap();
        }
        let after = |seconds: u64| tokens.verify(&token, NOW + Duration::from_secs(seconds)).map(|_| ());
        assert_eq!(after(899), Ok(()));
        assert_eq!(after(904), Ok(()), "4 s over, leeway 5 s");
        assert_eq!(after(906), Err(TokenError::Expired), "6 s over, leeway 5 s");
        let early = |seconds: u64| tokens.verify(&token, NOW - Duration::from_secs(seconds)).map(|_| ());
        assert_eq!(early(60), Ok(()), "of an instance whose clock is ahead");
        assert_eq!(early(61), Err(TokenError::NotYetValid));
    }
}

#[test]
fn a_verified_token_is_cached() {
    let tokens = tokens(signing_key(1, NOW));
    let token = issue(&tokens, NOW, &[], &Sequence::new(9));
    let first = tokens.verify(&token, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &tokens.verify(&token, NOW).unwrap()));
    assert_eq!(tokens.cached(), 1);
    let mut other = token.clone();
    other.replace_range(other.len() - 4..other.len() - 2, "AA");
    tokens.verify(&other, NOW).unwrap_err();
    assert_eq!(tokens.cached(), 1, "a refused token is not cached");
}

#[test]
fn removing_a_key_invalidates_its_tokens_at_once_cached_or_not() {
    let tokens = tokens(signing_key(1, NOW));
    let token = issue(&tokens, NOW, &[], &Sequence::new(9));
    tokens.verify(&token, NOW).unwrap();
    tokens.keys().replace([signing_key(2, NOW)]);
    assert_eq!(tokens.verify(&token, NOW), Err(TokenError::UnknownKey));
}

#[test]
fn the_cache_of_verified_tokens_is_bounded() {
    let tokens = tokens(signing_key(1, NOW));
    let random = Sequence::new(9);
    for _ in 0..MAX_CACHED_TOKENS + 2_000 {
        tokens.verify(&issue(&tokens, NOW, &[], &random), NOW).unwrap();
    }
    let remembered = tokens.cached();
    assert!((MAX_CACHED_TOKENS / 2..=MAX_CACHED_TOKENS + 64).contains(&remembered), "{remembered}");
}

#[test]
fn tokens_stay_valid_after_a_key_rotation() {
    let (old, next) = (signing_key(1, NOW), signing_key(2, NOW + Duration::from_secs(60)));
    let (old_kid, next_kid) = (old.kid().to_owned(), next.kid().to_owned());
    let tokens = AccessTokens::new(policy(), Arc::new(KeyRing::new([old, next]))).unwrap();
    let random = Sequence::new(9);
    let before = issue(&tokens, NOW + Duration::from_secs(59), &[], &random);
    let later = NOW + Duration::from_secs(60);
    let after = issue(&tokens, later, &[], &random);
    assert_eq!(
        (part(&before, 0)["kid"].as_str(), part(&after, 0)["kid"].as_str()),
        (Some(&*old_kid), Some(&*next_kid))
    );
    tokens.verify(&before, later).unwrap();
    tokens.verify(&after, later).unwrap();
}

#[test]
fn without_a_key_that_may_sign_no_token_is_issued() {
    for ring in [
        KeyRing::default(),
        KeyRing::new([signing_key(1, NOW - Duration::from_secs(400 * 24 * 3600))]),
    ] {
        let tokens = AccessTokens::new(policy(), Arc::new(ring)).unwrap();
        assert!(matches!(tokens.issue(&grant(&[]), NOW, &Sequence::new(9)), Err(IssueError::NoSigningKey)));
    }
}

#[test]
fn a_weak_policy_is_refused() {
    let refused = |policy: TokenPolicy| AccessTokens::new(policy, Arc::default()).unwrap_err();
    let with = |ttl, leeway| TokenPolicy {
        access_ttl: Duration::from_millis(ttl),
        leeway: Duration::from_millis(leeway),
        ..policy()
    };
    assert_eq!(refused(with(901_000, 5_000)), TokenPolicyError::AccessTtl);
    assert_eq!(refused(with(0, 5_000)), TokenPolicyError::AccessTtl);
    assert_eq!(refused(with(1_500, 5_000)), TokenPolicyError::AccessTtl);
    assert_eq!(refused(with(900_000, 5_001)), TokenPolicyError::Leeway);
    assert_eq!(refused(TokenPolicy { issuer: String::new(), ..policy() }), TokenPolicyError::Empty);
    for audience in [vec![], vec![String::new()], vec![AUDIENCE.to_owned(), String::new()]] {
        let policy = TokenPolicy { audience, ..policy() };
        assert_eq!(refused(policy), TokenPolicyError::Empty);
    }
    assert_eq!(refused(TokenPolicy { client_id: String::new(), ..policy() }), TokenPolicyError::Empty);
}
