//! The list of users: pages by number and by `after`, filters, search, and a bounded total.

use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Tokens};

flow_tests! {
    the_list_of_users_is_paged,
    an_invalid_parameter_of_the_list_is_refused,
    the_list_of_users_is_filtered_and_searched,
    a_changed_user_is_found_by_the_new_username,
    the_total_of_the_list_is_bounded,
}

/// Insert more users than the total counts. They are older than registered users.
const MANY_POSTGRES: &str = "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, updated_at) \
     SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'many' || n || '@example.org', 'many' || n || '@example.org', \
     'user', 'user', 'active', '', 0, 0 FROM generate_series(1, 10050) AS n";
const MANY_SQLITE: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10050) \
     INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, updated_at, search_text) \
     SELECT unhex(printf('00000000000070008000%012x', n)), 'many' || n || '@example.org', 'many' || n || '@example.org', \
     'user', 'user', 'active', '', 0, 0, 'many' || n || '@example.org' FROM numbers";

async fn list(app: &TestApp, admin: &Tokens, query: &str) -> Answer {
    app.get_as(&admin.access, &format!("/users{query}")).await.expect_status(200)
}

fn emails(answer: &Answer) -> Vec<&str> {
    let users = answer.json["users"].as_array().expect("users");
    users.iter().filter_map(|user| user["email"].as_str()).collect()
}

async fn the_list_of_users_is_paged(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    for number in 1..=6 {
        app.registered(&format!("user{number}@example.com")).await;
    }
    let all = list(&app, &admin, "").await;
    let newest_first: Vec<String> = (1..=6).rev().map(|number| format!("user{number}@example.com")).collect();
    assert_eq!(emails(&all)[..6], newest_first);
    assert_eq!(all.json["totalCount"], json!(7));
    let page_fields = |answer: &Answer| {
        [
            "currentPage",
            "totalPages",
            "hasNextPage",
            "hasPrevPage",
            "totalCount",
            "totalCountExact",
        ]
        .map(|field| answer.json[field].clone())
    };
    assert_eq!(page_fields(&all), [json!(1), json!(1), json!(false), json!(false), json!(7), json!(true)]);
    assert!(all.json.get("next").is_none(), "{}", all.text);

    let (mut by_number, mut by_key) = (Vec::new(), Vec::new());
    let mut after = String::new();
    for page in 1..=4 {
        let numbered = list(&app, &admin, &format!("?limit=2&page={page}")).await;
        assert_eq!(page_fields(&numbered)[..4], [json!(page), json!(4), json!(page < 4), json!(page > 1)]);
        by_number.extend(emails(&numbered).into_iter().map(str::to_owned));
        let keyed = list(&app, &admin, &format!("?limit=2{after}")).await;
        by_key.extend(emails(&keyed).into_iter().map(str::to_owned));
        match keyed.json["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => assert_eq!(page, 4, "only the last page has no `next`"),
        }
    }
    assert_eq!(by_number, emails(&all));
    assert_eq!(by_key, emails(&all));
    let beyond = list(&app, &admin, "?page=9").await;
    assert_eq!((emails(&beyond).len(), &beyond.json["hasPrevPage"]), (0, &json!(true)));
    app.finish().await;
}

async fn an_invalid_parameter_of_the_list_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    for invalid in [
        "page=0",
        "page=x",
        "limit=201",
        "search=",
        "search=%00abc",
        "role=Admin",
        "status=gone",
        "accountType=%20",
        "page=101&limit=100",
        "page=1&after=AgAAAAAAAHAAgAAAAAAAAAE",
        "after=00000000-0000-7000-8000-000000000001",
        "colour=red",
        "page=1&page=2",
    ] {
        let answer = app.get_as(&admin.access, &format!("/users?{invalid}")).await;
        answer.expect_problem(400, "invalid_parameter");
    }
    app.finish().await;
}

async fn the_list_of_users_is_filtered_and_searched(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let make = |body: Value| {
        let (app, access) = (&app, admin.access.clone());
        async move {
            let mut whole = json!({"password": PASSWORD});
            whole.as_object_mut().expect("fields").extend(body.as_object().cloned().expect("fields"));
            app.send_as(&access, reqwest::Method::POST, "/users", &whole).await.expect_status(201)
        }
    };
    make(json!({"email": "ada@example.com", "username": "Countess", "name": "\u{c9}lodie 100%"})).await;
    make(
        json!({"email": "under_score@example.com", "accountType": "artist", "profile": {"author": "\u{d6}zg\u{fc}r"}}),
    )
    .await;
    let bob = make(json!({"email": "bob@example.com", "profile": {"lastName": "Builder"}})).await;
    let gone = make(json!({"email": "gone@example.com"})).await;
    let path = |answer: &Answer, rest: &str| format!("/users/{}{rest}", answer.str("/id"));
    app.send_as(&admin.access, reqwest::Method::POST, &path(&bob, "/disable"), &json!({}))
        .await
        .expect_status(200);
    app.send_as(&admin.access, reqwest::Method::DELETE, &path(&gone, ""), &json!({}))
        .await
        .expect_status(204);

    let (ada, artist, bob) = ("ada@example.com", "under_score@example.com", "bob@example.com");
    for (query, expected) in [
        ("?search=ADA@ex", vec![ada]),
        ("?search=ountes", vec![ada]),
        ("?search=%C3%A9lodie", vec![ada]),
        ("?search=E%CC%81LOD", vec![ada]),
        ("?search=00%25", vec![ada]),
        ("?search=r_s", vec![artist]),
        ("?search=%C3%B6ZG", vec![artist]),
        ("?search=uilde", vec![bob]),
        ("?search=gone", vec![]),
        ("?search=gone&status=deleted", vec!["gone@example.com"]),
        ("?search=%25%25%25", vec![]),
        ("?search=a_a", vec![]),
        ("?role=artist", vec![artist]),
        ("?role=admin", vec!["root@example.com"]),
        ("?role=nobody", vec![]),
        ("?status=disabled", vec![bob]),
        ("?status=deleted", vec!["gone@example.com"]),
        ("?status=active", vec![artist, ada, "root@example.com"]),
        ("?accountType=artist", vec![artist]),
        ("?accountType=user&status=active&role=user&search=example", vec![ada, "root@example.com"]),
        ("", vec![bob, artist, ada, "root@example.com"]),
    ] {
        let answer = list(&app, &admin, query).await;
        assert_eq!(emails(&answer), expected, "{query}");
        assert_eq!(answer.json["totalCount"], json!(expected.len()), "{query}");
    }
    app.finish().await;
}

async fn a_changed_user_is_found_by_the_new_username(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "username": "Countess"});
    app.send_as(&admin.access, reqwest::Method::POST, "/users", &body)
        .await
        .expect_status(201);
    let ada = "ada@example.com";
    let id = list(&app, &admin, "?search=countess").await.json["users"][0]["id"].clone();
    let path = format!("/users/{}", id.as_str().expect("an id"));
    app.send_as(&admin.access, reqwest::Method::PATCH, &path, &json!({"username": "baroness"}))
        .await
        .expect_status(200);
    assert_eq!(emails(&list(&app, &admin, "?search=barones").await), [ada]);
    assert!(emails(&list(&app, &admin, "?search=countess").await).is_empty());
    app.finish().await;
}

async fn the_total_of_the_list_is_bounded(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let many = match backend {
        Backend::Sqlite => MANY_SQLITE,
        Backend::Postgres => MANY_POSTGRES,
    };
    app.database.execute(many).await.expect("make many users");
    for query in ["?limit=100", "?limit=100&search=many", "?limit=100&role=user"] {
        let answer = list(&app, &admin, query).await;
        assert_eq!(answer.json["totalCount"], json!(10_000), "{query}");
        assert_eq!(answer.json["totalCountExact"], json!(false), "{query}");
        assert_eq!(answer.json["totalPages"], json!(100), "{query}");
    }
    let last = list(&app, &admin, "?limit=100&page=100&search=many").await;
    assert_eq!(emails(&last).len(), 100);
    assert_eq!(last.json["hasNextPage"], json!(true), "more pages exist than page numbers");
    let next = last.json["next"].as_str().expect("next");
    let rest = list(&app, &admin, &format!("?limit=100&search=many&after={next}")).await;
    assert_eq!(
        (emails(&rest).len(), &rest.json["hasNextPage"]),
        (50, &json!(false)),
        "`after` leads to the end"
    );
    assert_eq!(emails(&rest)[0], "many50@example.org");
    // Up to 10,000 users the total is exact.
    let fewer = "DELETE FROM users WHERE email_canonical LIKE 'many%' AND length(email_canonical) = 17 AND email_canonical > 'many100'";
    app.database.execute(fewer).await.expect("delete some");
    let answer = list(&app, &admin, "?search=many").await;
    let left = app
        .database
        .count("SELECT count(*) FROM users WHERE email_canonical LIKE 'many%'")
        .await
        .expect("count");
    assert_eq!(answer.json["totalCount"], json!(left.min(10_000)));
    assert_eq!(answer.json["totalCountExact"], json!(left <= 10_000));
    app.abandon().await;
}
