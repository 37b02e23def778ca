//! The query plans of `PostgreSQL` for lists, searches and lookups of users: each uses an index.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use super::rights::act;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::plans::{Plans, USES, excerpt};
use crate::support::postgres::{Durability, Postgres};

/// Users: every thousandth is an artist, every hundredth is disabled, and four are moderators.
const USERS: &str = "INSERT INTO users (id, email, email_canonical, username, username_canonical, name, account_type, roles, status, \
     password_hash, created_at, updated_at, search_text) \
     SELECT (lpad(to_hex(1780000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, \
     mail, mail, 'u' || n, 'u' || n, md5(n::text), CASE WHEN n % 1000 = 0 THEN 'artist' ELSE 'user' END, \
     CASE WHEN n % 1000 = 0 THEN 'user artist' WHEN n < 5 THEN 'user moderator' ELSE 'user' END, \
     CASE WHEN n % 100 = 1 THEN 'disabled' ELSE 'active' END, '', 0, 0, mail || ' u' || n || ' ' || md5(n::text) \
     FROM (SELECT n, 'person' || n || '@example.org' AS mail FROM generate_series(1, 200000) AS n) AS numbers";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_for_users_uses_an_index() {
    let plans = Plans::of("user_plans", &[USERS, "VACUUM ANALYZE users"]).await;
    let access = plans.explain().await;
    let (app, id) = (&plans.app, &plans.user_id);

    // The cursor behind the user 019e6fc3-9ba0-7000-8000-000000000000.
    let middle = "AgGeb8OboHAAgAAAAAAAAAA";
    for path in [
        "/users".to_owned(),
        "/users?page=500&limit=20".to_owned(),
        format!("/users?after={middle}"),
        "/users?search=person123456@".to_owned(),
        "/users?search=u1234".to_owned(),
        "/users?search=not-to-be-found".to_owned(),
        format!("/users?search=9f8&after={middle}"),
        "/users?search=999&role=artist&accountType=artist".to_owned(),
        "/users?role=moderator".to_owned(),
        "/users?role=admin".to_owned(),
        "/users?role=nobody".to_owned(),
        "/users?role=artist&status=active".to_owned(),
        "/users?status=disabled".to_owned(),
        "/users?status=deleted".to_owned(),
        format!("/users?accountType=artist&after={middle}"),
        format!("/users/{id}"),
    ] {
        let logged = plans.during(async {
            for _ in 0..USES {
                app.get_as(&access, &path).await.expect_status(200);
            }
        });
        assert_indexed(&path, &logged.await);
    }
    // The check for another administrator uses an index, too.
    let logged = plans.during(async {
        let demote = format!("/users/{id}/roles/admin");
        act(app, &access, Method::DELETE, &demote).await.expect_problem(409, "last_administrator");
        app.send_as(&access, Method::PATCH, &format!("/users/{id}"), &json!({"name": "Root"}))
            .await
            .expect_status(200);
    });
    assert_indexed("the last administrator", &logged.await);
    plans.app.abandon().await;
}

/// A database role that may not install extensions can migrate and search without the trigram
/// index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_works_without_the_trigram_extension() {
    let postgres = Postgres::private(Durability::Fast).await;
    postgres.create_database("bare", None).await;
    for sql in ["CREATE ROLE lodger LOGIN", "GRANT ALL ON SCHEMA public TO lodger"] {
        postgres.execute("bare", sql).await.expect("make a role");
    }
    let url = postgres.url("bare");
    let (_, address) = url.split_once('@').expect("a user in the address");
    let url = format!("postgres://lodger@{address}");
    let builder = TestApp::builder(Backend::Postgres);
    let builder = builder.settings(move |settings| settings.database.url = Some(SecretString::from(url)));
    let app = builder.spawn().await;
    let ada = app.registered("ada@example.com").await;
    let promote = "UPDATE users SET roles = 'user admin'";
    postgres.execute("bare", promote).await.expect("make an administrator");
    let access = app.login("ada@example.com", PASSWORD).await.tokens().access;
    let found = app.get_as(&access, "/users?search=DA@ex").await.expect_status(200);
    assert_eq!(found.json["users"][0]["id"], ada.json["user"]["id"]);
    let without = "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN \
         RAISE EXCEPTION 'installed after all'; END IF; END $$";
    postgres.execute("bare", without).await.expect("no extension");
    app.abandon().await;
}

#[track_caller]
fn assert_indexed(query: &str, plans: &str) {
    assert!(
        plans.contains("users_") && plans.contains("Query Text"),
        "{query}: the log contains no plan:\n{plans}"
    );
    if let Some(at) = plans.find("Seq Scan on users") {
        panic!("{query} scans all users:\n{}", excerpt(plans, at));
    }
}
