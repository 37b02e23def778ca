//! Identifiers, names and searches in every script, and as keyboards and clipboards type them.

use reqwest::Method;
use serde_json::{Value, json};
use watchword::domain::clock::SystemClock;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Tokens};

flow_tests! {
    a_username_is_the_same_in_every_case,
    an_address_is_the_same_in_every_form_of_its_domain,
    an_identifier_is_taken_as_it_was_typed,
    a_name_that_passes_for_another_one_is_refused,
    names_of_every_script_are_taken,
    a_name_is_found_by_any_part_and_case,
    rows_of_older_rules_are_computed_again,
    an_account_that_has_lost_its_identifier_keeps_the_other_one,
}

async fn register(app: &TestApp, fields: Value) -> Answer {
    let mut body = json!({"password": PASSWORD});
    body.as_object_mut()
        .expect("an object")
        .extend(fields.as_object().cloned().expect("fields"));
    app.post("/auth/register", &body).await
}

async fn login(app: &TestApp, identifier: &str) -> Answer {
    let kind = if identifier.contains(['@', '＠']) {
        "email"
    } else {
        "username"
    };
    app.post("/auth/login", &json!({kind: identifier, "password": PASSWORD})).await
}

async fn found(app: &TestApp, admin: &Tokens, search: &str) -> usize {
    let search: String = url::form_urlencoded::byte_serialize(search.as_bytes()).collect();
    let list = app.get_as(&admin.access, &format!("/users?search={search}")).await;
    list.expect_status(200).json["users"].as_array().expect("users").len()
}

async fn a_username_is_the_same_in_every_case(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    for (number, forms) in [
        ["Νίκος", "ΝΊΚΟΣ", "νίκοσ"],
        ["straße", "STRASSE", "STRAẞE"],
        ["Ａｄａ", "ada", "ADA"],
        ["E\u{301}va", "éva", "ÉVA"],
    ]
    .into_iter()
    .enumerate()
    {
        let own = format!("{number}@example.com");
        register(&app, json!({"email": own, "username": forms[0]})).await.expect_status(201);
        for (other, form) in forms.into_iter().enumerate() {
            let user = login(&app, form).await.expect_status(200);
            let me = app.me(&user.tokens().access).await.expect_status(200);
            assert_eq!(me.str("/email"), own, "{form}");
            let other = format!("{number}-{other}@example.com");
            register(&app, json!({"email": other, "username": form}))
                .await
                .expect_problem(409, "username_taken");
        }
    }
    app.finish().await;
}

async fn an_address_is_the_same_in_every_form_of_its_domain(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let first = register(&app, json!({"email": "ada@bücher.example"})).await.expect_status(201);
    assert_eq!(first.str("/user/email"), "ada@bücher.example");
    for form in [
        "Ada@BÜCHER.example",
        "ada@xn--bcher-kva.example",
        "ada@ＢÜCHER.example",
        "ada@bücher。example",
    ] {
        register(&app, json!({"email": form})).await.expect_problem(409, "email_taken");
        login(&app, form).await.expect_status(200);
    }
    register(&app, json!({"email": "ada@xn--a.example"}))
        .await
        .expect_problem(422, "validation_failed");
    app.finish().await;
}

async fn an_identifier_is_taken_as_it_was_typed(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let typed = "\u{a0}Ada＠example.com\u{200b} ";
    let user = register(&app, json!({"email": typed, "username": " ada_l\u{feff}"}))
        .await
        .expect_status(201);
    assert_eq!((user.str("/user/email"), user.str("/user/username")), ("Ada@example.com", "ada_l"));
    for identifier in [typed, "ada@example.com ", "\u{2003}ADA_L", "ａｄａ＿ｌ"] {
        login(&app, identifier).await.expect_status(200);
    }
    app.finish().await;
}

async fn a_name_that_passes_for_another_one_is_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    for (number, name) in ["coco", "modern", "modem"].into_iter().enumerate() {
        let email = format!("{number}@example.com");
        register(&app, json!({"email": email, "username": name})).await.expect_status(201);
    }
    // Cyrillic letters, and one among Latin ones.
    register(&app, json!({"email": "c@example.com", "username": "сосо"}))
        .await
        .expect_problem(409, "username_taken");
    let mixed = register(&app, json!({"email": "c@example.com", "username": "mоdern"})).await;
    assert_eq!(mixed.expect_problem(422, "validation_failed").str("/errors/0/pointer"), "#/username");
    app.finish().await;
}

async fn names_of_every_script_are_taken(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    for (number, (username, name)) in [
        ("हिन्दी", "श्रीमती हिन्दी"),
        ("สมศรี", "สมศรี ใจดี"),
        ("علی‌رضا", "علی‌رضا"),
        ("김철수", "김철수"),
        ("山田太郎", "山田 太郎"),
        ("ᏣᎳᎩ", "ᏣᎳᎩ"),
        ("obrien", "Siobhán O’Brien-Łukasz"),
        ("firefighter", "Ada 👩‍🚒"),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = json!({"email": format!("{number}@example.com"), "username": username, "name": name});
        let user = register(&app, fields).await.expect_status(201);
        assert_eq!(user.str("/user/name"), name);
        login(&app, username).await.expect_status(200);
    }
    app.finish().await;
}

async fn a_name_is_found_by_any_part_and_case(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    for (number, name) in ["王芳", "李小龙", "김철수", "Νίκος Παπαδόπουλος", "Al Bo"].into_iter().enumerate()
    {
        register(&app, json!({"email": format!("{number}@example.net"), "name": name}))
            .await
            .expect_status(201);
    }
    for (search, count) in [
        ("王芳", 1),
        ("小龙", 1),
        ("龙", 1),
        ("철수", 1),
        ("芳王", 0),
        ("ΠΑΠΑΔΌΠΟΥΛΟΣ", 1),
        ("παδόπου", 1),
        ("al", 1),
        ("BO", 1),
        ("l ", 0),
        ("example.net", 5),
    ] {
        assert_eq!(found(&app, &admin, search).await, count, "{search}");
    }
    app.finish().await;
}

/// What an older version would have written: its canonical forms, and no word about rules.
async fn forget_rules(app: &TestApp) {
    for sql in [
        "UPDATE users SET username_canonical = 'νίκος', search_text = 'old' WHERE username = 'Νίκος'",
        "UPDATE users SET email_canonical = 'ada@bücher.example', search_text = 'old' WHERE email = 'ada@bücher.example'",
        "UPDATE users SET text_rules = 0",
    ] {
        app.database.execute(sql).await.expect("a statement");
    }
}

async fn assert_all_computed(app: &TestApp) {
    let left = app.database.count("SELECT count(*) FROM users WHERE text_rules = 0").await;
    assert_eq!(left.expect("a count"), 0);
}

async fn rows_of_older_rules_are_computed_again(backend: Backend) {
    let mut app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    register(&app, json!({"email": "n@example.com", "username": "Νίκος"}))
        .await
        .expect_status(201);
    register(&app, json!({"email": "ada@bücher.example", "name": "王芳"}))
        .await
        .expect_status(201);
    forget_rules(&app).await;
    login(&app, "ΝΊΚΟΣ").await.expect_problem(401, "invalid_credentials");
    app.restart(SystemClock).await;
    login(&app, "ΝΊΚΟΣ").await.expect_status(200);
    login(&app, "ada@xn--bcher-kva.example").await.expect_status(200);
    assert_eq!(found(&app, &admin, "王芳").await, 1);
    assert_all_computed(&app).await;
    app.finish().await;
}

async fn an_account_that_has_lost_its_identifier_keeps_the_other_one(backend: Backend) {
    let mut app = TestApp::spawn(backend).await;
    register(&app, json!({"email": "a@example.com", "username": "strasse"}))
        .await
        .expect_status(201);
    register(&app, json!({"email": "b@example.com", "username": "other"}))
        .await
        .expect_status(201);
    let old =
        "UPDATE users SET username = 'straße', username_canonical = 'straße', text_rules = 0 WHERE username = 'other'";
    app.database.execute(old).await.expect("a statement");
    app.restart(SystemClock).await;
    assert_all_computed(&app).await;
    let first = login(&app, "STRASSE").await.expect_status(200);
    let me = app.me(&first.tokens().access).await.expect_status(200);
    assert_eq!(me.str("/email"), "a@example.com");
    let second = login(&app, "b@example.com").await.expect_status(200).tokens();
    let rename = app.send_as(&second.access, Method::PATCH, "/auth/me", &json!({"username": "bea"})).await;
    rename.expect_status(200);
    login(&app, "bea").await.expect_status(200);
    app.finish().await;
}
