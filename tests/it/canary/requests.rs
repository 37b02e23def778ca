//! Requests with a secret in every field and every header.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::secrets::Secrets;
use crate::support::http::{Answer, Http, Tokens};
use crate::support::oauth::{CLIENT, basic, form};
use crate::support::smtp::SmtpServer;

/// Headers that the service does not need. Each contains a secret.
const HEADERS: [&str; 9] = [
    "cookie",
    "x-api-key",
    "proxy-authorization",
    "x-forwarded-for",
    "forwarded",
    "tracestate",
    "baggage",
    "referer",
    "idempotency-key",
];

/// A client that collects the error responses.
struct Client<'a> {
    http: &'a Http,
    secrets: &'a mut Secrets,
    errors: String,
}

impl Client<'_> {
    fn request(&mut self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method.clone(), path);
        for header in HEADERS {
            request = request.header(header, self.secrets.word(&format!("{header} of {method} {path}")));
        }
        // The service logs well-formed request ids.
        request.header("x-request-id", format!("<{}>", self.secrets.word("a malformed request id")))
    }

    /// A request with a secret user agent. No event of these operations contains the user agent.
    fn request_with_secret_agent(&mut self, method: Method, path: &str) -> RequestBuilder {
        let agent = self.secrets.word(&format!("the user agent of {method} {path}"));
        self.request(method, path).header("user-agent", agent)
    }

    async fn send(&mut self, request: RequestBuilder, status: u16) -> Answer {
        let answer = self.http.send(request).await.expect_status(status);
        if status >= 400 {
            self.errors += &answer.text;
            self.errors += &format!("{:?}\n", answer.headers);
        } else if answer.json["accessToken"].is_string() {
            self.secrets.token("an access token", answer.str("/accessToken"));
            self.secrets.token("a refresh token", answer.str("/refreshToken"));
        }
        answer
    }

    async fn post(&mut self, path: &str, body: &serde_json::Value, status: u16) -> Answer {
        let request = self.request(Method::POST, path).json(body);
        self.send(request, status).await
    }
}

/// Call every operation, with valid and invalid requests. Return the error responses.
pub(super) async fn call_operations(http: &Http, secrets: &mut Secrets) -> String {
    let mut client = Client { http, secrets, errors: String::new() };
    let email = format!("{}@example.com", client.secrets.personal("an email address"));
    let password = client.secrets.password("a password");
    let tokens = register(&mut client, &email, &password).await;
    use_idempotency_keys(&mut client, &tokens).await;
    send_logins(&mut client, &email, &password).await;
    send_malformed_bodies(&mut client).await;
    send_malformed_requests(&mut client, &tokens).await;
    use_oauth(&mut client, &tokens).await;
    use_session_tokens(&mut client, tokens).await;
    use_second_factor(&mut client).await;
    log_out_and_delete(&mut client, &email, &password).await;
    client.errors
}

async fn register(client: &mut Client<'_>, email: &str, password: &str) -> Tokens {
    let username = client.secrets.personal("a username");
    let name = client.secrets.personal("a name");
    let body = json!({ "email": email, "password": password, "username": username, "name": name });
    let tokens = client.post("/auth/register", &body, 201).await.tokens();
    let other = client.secrets.password("the password for a taken address");
    client.post("/auth/register", &json!({ "email": email, "password": other }), 409).await;
    let long = client.secrets.password("a password that is too long").repeat(5);
    client
        .post("/auth/register", &json!({ "email": "b@example.com", "password": long }), 422)
        .await;
    tokens
}

/// Requests with an idempotency key: a new one, a replay, and a different request.
async fn use_idempotency_keys(client: &mut Client<'_>, tokens: &Tokens) {
    let email = format!("{}@example.com", client.secrets.personal("the address of a repeated registration"));
    let password = client.secrets.password("the password of a repeated registration");
    let wrong = client.secrets.password("a wrong password to repeat a registration with");
    let key = client.secrets.word("the key of a registration");
    for (password, status) in [(&password, 201), (&password, 201), (&wrong, 422)] {
        let request = client.http.request(Method::POST, "/auth/register");
        let request = request.header("idempotency-key", &key);
        let body = json!({ "email": email, "password": password });
        client.send(request.json(&body), status).await;
    }
    let key = client.secrets.word("the key of an event");
    for (name, status) in [("seen", 202), ("seen", 202), ("read", 422)] {
        let request = client.http.request(Method::POST, "/events").bearer_auth(&tokens.access);
        let request = request.header("idempotency-key", &key).json(&json!({ "name": name }));
        client.send(request, status).await;
    }
    let key = format!("two {}", client.secrets.word("a malformed key"));
    let request = client.http.request(Method::POST, "/events").bearer_auth(&tokens.access);
    let request = request.header("idempotency-key", key).json(&json!({ "name": "seen" }));
    client.send(request, 400).await;
}

async fn send_logins(client: &mut Client<'_>, email: &str, password: &str) {
    let wrong = client.secrets.password("a wrong password");
    client.post("/auth/login", &json!({ "identifier": email, "password": wrong }), 401).await;
    for at in ["@example.com", ""] {
        let unknown = client.secrets.word("the identifier of an unknown account") + at;
        let password = client.secrets.password("the password for an unknown account");
        client
            .post("/auth/login", &json!({ "identifier": unknown, "password": password }), 401)
            .await;
    }
    client
        .post("/auth/login", &json!({ "identifier": email, "password": password }), 200)
        .await;
}

async fn send_malformed_bodies(client: &mut Client<'_>) {
    for path in [
        "/auth/register",
        "/auth/login",
        "/auth/refresh",
        "/auth/logout",
        "/auth/password/forgot",
        "/auth/password/reset",
        "/auth/email/verify",
    ] {
        let name = client.secrets.field("the name of an unknown field");
        let value = client.secrets.word("the value of an unknown field");
        client.post(path, &json!({ name: value }), 422).await;
        let broken = format!("{{\"password\": \"{}", client.secrets.word("a body that is cut off"));
        let request = client.request_with_secret_agent(Method::POST, path);
        let request = request.header("content-type", "application/json").body(broken);
        client.send(request, 400).await;
        let form = format!("password={}", client.secrets.word("a form"));
        let request = client
            .request_with_secret_agent(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded");
        client.send(request.body(form), 415).await;
        let large = client.secrets.word("a body that is too large").repeat(2_000);
        let request = client
            .request_with_secret_agent(Method::POST, path)
            .header("content-type", "application/json");
        client.send(request.body(large), 413).await;
    }
}

async fn send_malformed_requests(client: &mut Client<'_>, tokens: &Tokens) {
    let word = client.secrets.word("a path");
    let request = client.request_with_secret_agent(Method::GET, &format!("/nowhere/{word}"));
    client.send(request, 404).await;
    let word = client.secrets.word("a query");
    let request = client.request_with_secret_agent(Method::GET, &format!("/auth/me?access_token={word}"));
    client.send(request, 401).await;
    let word = client.secrets.word("a malformed session id");
    let request = client.request_with_secret_agent(Method::DELETE, &format!("/auth/sessions/{word}"));
    client.send(request.bearer_auth(&tokens.access), 400).await;
    for scheme in ["Bearer", "Basic", ""] {
        let word = client.secrets.word("a malformed credential");
        let request = client.request_with_secret_agent(Method::GET, "/auth/me");
        client.send(request.header("authorization", format!("{scheme} {word}")), 401).await;
    }
    let (body, _) = tokens.access.rsplit_once('.').expect("a JWT");
    let forged = format!("{body}.{}", client.secrets.word("a forged signature"));
    let request = client.request_with_secret_agent(Method::GET, "/auth/me").bearer_auth(forged);
    client.send(request, 401).await;
    let refresh = format!("wrt_{}", client.secrets.word("a malformed refresh token"));
    client.post("/auth/refresh", &json!({ "refreshToken": refresh }), 401).await;
}

/// Introspection and revocation by the configured client and by unknown clients.
async fn use_oauth(client: &mut Client<'_>, tokens: &Tokens) {
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
    let valid = basic(CLIENT, client.secrets.client_secret());
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let unknown = client.secrets.word("an unknown token");
        let hint = client.secrets.word("an unknown hint");
        let body = form(&[("token", &unknown), ("token_type_hint", &hint)]);
        let request = client.request_with_secret_agent(Method::POST, path).header(FORM.0, FORM.1).body(body);
        client.send(request.header("authorization", &valid), 200).await;
        let word = client.secrets.word("a wrong client secret");
        let with_valid_length: String = word.chars().cycle().take(43).collect();
        for secret in [format!("wcs_{with_valid_length}"), word] {
            let request = client.request_with_secret_agent(Method::POST, path).header(FORM.0, FORM.1);
            let request = request.header("authorization", basic(CLIENT, &secret));
            client.send(request.body(form(&[("token", &tokens.access)])), 401).await;
        }
        let word = client.secrets.word("a client secret in a body");
        for (status, header) in [(401, basic(CLIENT, "nothing")), (400, valid.clone())] {
            let body = form(&[("token", &tokens.refresh), ("client_secret", &word)]);
            let request = client.request_with_secret_agent(Method::POST, path).header(FORM.0, FORM.1).body(body);
            client.send(request.header("authorization", header), status).await;
        }
    }
    let request = client.request_with_secret_agent(Method::POST, "/oauth/introspect").header(FORM.0, FORM.1);
    let request = request.body(form(&[("token", &tokens.access)]));
    client.send(request.header("authorization", &valid), 200).await;
    let request = client.request_with_secret_agent(Method::GET, "/auth/verify").bearer_auth(&tokens.access);
    client.send(request, 200).await;
}

async fn use_session_tokens(client: &mut Client<'_>, tokens: Tokens) {
    for (method, path) in [(Method::GET, "/auth/me"), (Method::GET, "/auth/sessions")] {
        let request = client.request_with_secret_agent(method, path).bearer_auth(&tokens.access);
        client.send(request, 200).await;
    }
    let name = client.secrets.personal("a new name");
    let request = client.request_with_secret_agent(Method::PATCH, "/auth/me").bearer_auth(&tokens.access);
    client.send(request.json(&json!({ "name": name })), 200).await;
    let mut newest = tokens.refresh.clone();
    for _ in 0..2 {
        let request = client
            .request_with_secret_agent(Method::POST, "/auth/refresh")
            .json(&json!({ "refreshToken": newest }));
        newest = client.send(request, 200).await.tokens().refresh;
    }
    let request = client
        .request_with_secret_agent(Method::POST, "/auth/refresh")
        .json(&json!({ "refreshToken": tokens.refresh }));
    client.send(request, 401).await;
}

/// Enroll an authenticator and log in with it: the seed, recovery codes and challenge.
async fn use_second_factor(client: &mut Client<'_>) {
    let email = format!("{}@example.com", client.secrets.personal("the address of a user with an authenticator"));
    let password = client.secrets.password("the password of a user with an authenticator");
    let account = json!({ "email": email, "password": password });
    let access = client.post("/auth/register", &account, 201).await.tokens().access;
    let wrong = client.secrets.password("a wrong password to enroll an authenticator with");
    let request = client.request(Method::POST, "/auth/mfa/totp").bearer_auth(&access);
    client.send(request.json(&json!({ "password": wrong })), 422).await;
    let request = client.request_with_secret_agent(Method::POST, "/auth/mfa/totp").bearer_auth(&access);
    let offered = client.send(request.json(&json!({ "password": password })), 201).await;
    let totp = totp_rs::Totp::from_url(offered.str("/uri")).expect("an address");
    client.secrets.issued("a seed", totp.secret().as_bytes());
    client.secrets.issued("a seed in base32", offered.str("/secret").as_bytes());
    let code = json!({ "code": totp.generate_current().to_string() });
    let request = client
        .request_with_secret_agent(Method::POST, "/auth/mfa/totp/confirm")
        .bearer_auth(&access);
    let confirmed = client.send(request.json(&code), 200).await;
    for number in 0..10 {
        let code = confirmed.str(&format!("/recoveryCodes/{number}"));
        client.secrets.issued("a recovery code", code.as_bytes());
        client.secrets.issued("a recovery code without hyphens", code.replace('-', "").as_bytes());
    }
    let login = json!({ "identifier": email, "password": password });
    // This error contains a challenge, so it is not collected.
    let request = client.request(Method::POST, "/auth/login").json(&login);
    let challenged = client.http.send(request).await.expect_problem(403, "mfa_required");
    let challenge = challenged.str("/challengeToken").to_owned();
    let unknown = "ABCD-EFGH-ABCD-EFGH";
    for (code, status) in [(unknown, 401), (confirmed.str("/recoveryCodes/0"), 200)] {
        let body = json!({ "challengeToken": challenge, "code": code });
        client.post("/auth/mfa/verify", &body, status).await;
    }
    client.secrets.token("a challenge", &challenge);
}

async fn log_out_and_delete(client: &mut Client<'_>, email: &str, password: &str) {
    let login = json!({ "identifier": email, "password": password });
    for with_access in [true, false] {
        let tokens = client.post("/auth/login", &login, 200).await.tokens();
        let request = client.request_with_secret_agent(Method::POST, "/auth/logout");
        let request = match with_access {
            true => request.bearer_auth(&tokens.access).json(&json!({})),
            false => request.json(&json!({ "refreshToken": tokens.refresh })),
        };
        client.send(request, 204).await;
    }
    let other = format!("{}@example.com", client.secrets.personal("the address of a deleted account"));
    let password = client.secrets.password("the password of a deleted account");
    let register = json!({ "email": other, "password": password });
    let tokens = client.post("/auth/register", &register, 201).await.tokens();
    let wrong = client.secrets.password("a wrong password to delete with");
    // A wrong password records an event that contains the user agent.
    let request = client.request(Method::POST, "/auth/me/delete").bearer_auth(&tokens.access);
    client.send(request.json(&json!({ "password": wrong })), 422).await;
    let request = client
        .request_with_secret_agent(Method::POST, "/auth/me/delete")
        .bearer_auth(&tokens.access);
    client.send(request.json(&json!({ "password": password })), 204).await;
}

/// Use mailed codes, and change passwords.
pub(super) async fn use_mailed_codes(http: &Http, smtp: &SmtpServer, secrets: &mut Secrets) -> String {
    let mut client = Client { http, secrets, errors: String::new() };
    let email = format!("{}@example.com", client.secrets.personal("the address of a mailed user"));
    let password = client.secrets.password("the password of a mailed user");
    let register = json!({ "email": email, "password": password });
    let tokens = client.post("/auth/register", &register, 201).await.tokens();
    let first = smtp.mail(&email, "Confirm your email address", 1).await.code();
    client.secrets.token("the code of a registration", &first);
    let resend = client
        .request_with_secret_agent(Method::POST, "/auth/email/resend")
        .bearer_auth(&tokens.access);
    client.send(resend, 202).await;
    let second = smtp.mail(&email, "Confirm your email address", 2).await.code();
    client.secrets.token("the code of another mail", &second);
    let broken = format!("wmc_{}", client.secrets.word("a malformed code"));
    for (code, status) in [(first, 422), (broken, 422), (second, 204)] {
        let body = json!({ "code": code });
        client.post("/auth/email/verify", &body, status).await;
    }

    let new = client.secrets.password("a changed password");
    for (current, status) in [
        (client.secrets.password("a wrong password to change with"), 422),
        (password, 204),
    ] {
        let body = json!({ "currentPassword": current, "newPassword": new });
        // A wrong password records an event that contains the user agent.
        let request = client.request(Method::POST, "/auth/password/change");
        client.send(request.bearer_auth(&tokens.access).json(&body), status).await;
    }
    let unknown = format!("{}@example.com", client.secrets.word("an address without an account"));
    for address in [&unknown, &email] {
        let body = json!({ "email": address });
        client.post("/auth/password/forgot", &body, 202).await;
    }
    let code = smtp.mail(&email, "Reset your password", 1).await.code();
    client.secrets.token("a code to reset a password", &code);
    for status in [204, 422] {
        let password = client.secrets.password("a reset password");
        let body = json!({ "code": code, "newPassword": password });
        client.post("/auth/password/reset", &body, status).await;
    }
    // One code remains, so that the table is not empty.
    client.post("/auth/password/forgot", &json!({ "email": email }), 202).await;
    client.errors
}

/// Log in as the administrator and manage a user.
pub(super) async fn call_as_admin(http: &Http, secrets: &mut Secrets, email: &str, password: &str) {
    let mut client = Client { http, secrets, errors: String::new() };
    let login = json!({ "identifier": email, "password": password });
    let access = client.post("/auth/login", &login, 200).await.tokens().access;
    manage_user(&mut client, &access).await;
}

/// The operations of an administrator on a user, with a secret in every field.
async fn manage_user(client: &mut Client<'_>, access: &str) {
    let password = client.secrets.password("the password of a created account");
    let mut personal = |what: &str| client.secrets.personal(what);
    let user = json!({
        "email": format!("{}@example.com", personal("the address of a created account")),
        "username": personal("the username of a created account"),
        "name": personal("the name of a created account"),
        "profile": { "description": personal("the profile of a created account") },
        "password": password,
    });
    let request = client.request(Method::POST, "/users").bearer_auth(access).json(&user);
    let id = client.send(request, 201).await.str("/id").to_owned();
    let path = format!("/users/{id}");
    let other_password = client.secrets.password("the password for an existing account");
    let mut taken = user.clone();
    taken["password"] = json!(other_password);
    let request = client.request(Method::POST, "/users").bearer_auth(access).json(&taken);
    client.send(request, 409).await;
    for (field, status) in [("accountType", 422), ("roles", 422), ("profile", 422)] {
        let value = client.secrets.word(&format!("an invalid {field}"));
        let value = match field {
            "roles" => json!([value]),
            "profile" => json!({ "country": value.clone() + &value + &value }),
            _ => json!(value),
        };
        let mut refused = user.clone();
        refused["email"] = json!("refused@example.com");
        refused[field] = value;
        let request = client
            .request_with_secret_agent(Method::POST, "/users")
            .bearer_auth(access)
            .json(&refused);
        client.send(request, status).await;
    }
    let patch = json!({ "name": client.secrets.personal("a name set by an administrator") });
    let request = client.request_with_secret_agent(Method::PATCH, &path).bearer_auth(access);
    client.send(request.json(&patch), 200).await;
    let word = client.secrets.word("a malformed entity tag");
    let request = client
        .request_with_secret_agent(Method::PATCH, &path)
        .bearer_auth(access)
        .header("if-match", word);
    client.send(request.json(&patch), 400).await;
    let word = client.secrets.word("a search term");
    let request = client.request_with_secret_agent(Method::GET, &format!("/users?search={word}"));
    client.send(request.bearer_auth(access), 200).await;
    let word = client.secrets.word("a malformed role");
    let request = client.request_with_secret_agent(Method::PUT, &format!("{path}/roles/{word}"));
    client.send(request.bearer_auth(access), 400).await;
    for (method, rest, status) in [
        (Method::POST, "/disable", 200),
        (Method::POST, "/enable", 200),
        (Method::POST, "/unlock", 204),
        (Method::DELETE, "", 204),
    ] {
        let request = client.request_with_secret_agent(method, &format!("{path}{rest}")).bearer_auth(access);
        client.send(request, status).await;
    }
}

/// Requests during an outage of Redis and NATS, for the sake of the log.
pub(super) async fn call_during_outage(http: &Http, secrets: &mut Secrets) {
    let mut client = Client { http, secrets, errors: String::new() };
    let email = format!("{}@example.com", client.secrets.word("an address in an outage"));
    let password = client.secrets.password("a password in an outage");
    client
        .post("/auth/login", &json!({ "identifier": email, "password": password }), 401)
        .await;
    let token = client.secrets.word("a credential in an outage");
    let request = client.request_with_secret_agent(Method::GET, "/auth/me").bearer_auth(token);
    client.send(request, 401).await;
}
