//! POST /auth/refresh against pgbench running the statements of a refresh on the same server with
//! as many clients.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{Account, Rig};
use crate::stats::{list, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(5);
/// As many clients as the service has connections to the database.
const CLIENTS: usize = 16;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let mut accounts = service.accounts("refresh", CLIENTS).await?;
    let script = script(&rig)?;
    let (mut pgbench, mut refreshes) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let transactions = transactions(&rig, &script)?;
        let (port, started) = (service.port(), Instant::now());
        let lanes = accounts.iter_mut().map(|account| refresh_for(port, account, ROUND));
        let refreshed: f64 = futures_util::future::try_join_all(lanes).await?.iter().sum();
        if round > 0 {
            pgbench.push(transactions);
            refreshes.push(refreshed / started.elapsed().as_secs_f64());
        }
    }
    note(&format!("pgbench transactions/s: {}; refreshes/s: {}", list(&pgbench), list(&refreshes)));
    let ratios: Vec<f64> = refreshes.iter().zip(&pgbench).map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(&ratios);
    Ok(vec![Row {
        what: "POST /auth/refresh / pgbench with the same statements, transactions/s",
        target: "≥ 50 %",
        measured: format!("{:.0} % ({:.0} of {:.0})", ratio * 100.0, median(&refreshes), median(&pgbench)),
        met: ratio >= 0.5,
    }])
}

/// Runs a client: each refresh uses the token of the previous one.
pub(crate) async fn refresh_for(port: u16, account: &mut Account, round: Duration) -> Outcome<f64> {
    let mut client = Client::connect(port).await?;
    let (mut refreshed, started) = (0.0, Instant::now());
    while started.elapsed() < round {
        let answer = client.post("/auth/refresh", &json!({ "refreshToken": account.refresh })).await?;
        account.refresh = answer.text("/refreshToken")?;
        refreshed += 1.0;
    }
    Ok(refreshed)
}

/// The statements of a refresh over separate tables, which the relay does not read. One row per
/// client, as with the service; the payload is that of a real event.
fn script(rig: &Rig) -> Outcome<std::path::PathBuf> {
    let event = rig.postgres.sql("SELECT encode(payload, 'hex') FROM events LIMIT 1")?;
    rig.postgres.sql(
        "CREATE SCHEMA pgbench; \
         CREATE TABLE pgbench.users (LIKE users INCLUDING ALL); \
         CREATE TABLE pgbench.sessions (LIKE sessions INCLUDING ALL, FOREIGN KEY (user_id) REFERENCES pgbench.users (id)); \
         CREATE TABLE pgbench.events (LIKE events INCLUDING ALL); \
         INSERT INTO pgbench.users SELECT * FROM users; \
         INSERT INTO pgbench.sessions SELECT * FROM sessions; \
         CREATE TABLE pgbench.clients AS SELECT row_number() OVER () - 1 AS number, id FROM sessions;",
    )?;
    let now = rig.postgres.sql("SELECT (extract(epoch FROM now()) * 1000)::bigint")?;
    // A client selects its row once; from then on it runs the service's statements.
    let text = format!(
        "\\if :known = 0\n\
         SELECT sessions.id AS session, generation AS s_generation FROM pgbench.clients \
           JOIN pgbench.sessions USING (id) WHERE number = :client_id \\gset\n\
         \\set known 1\n\
         \\endif\n\
         BEGIN;\n\
         UPDATE pgbench.users SET event_seq = event_seq + 1 \
           WHERE id = (SELECT user_id FROM pgbench.sessions WHERE id = :session) RETURNING * \\gset u_\n\
         UPDATE pgbench.sessions SET generation = generation + 1, rotated_at = {now}, last_used_at = {now} \
           WHERE id = :session AND generation = :s_generation AND revoked_at IS NULL AND expires_at > {now} \
           AND last_used_at > 0 RETURNING * \\gset s_\n\
         INSERT INTO pgbench.events (id, subject, user_id, user_seq, schema_version, payload, traceparent, occurred_at) \
           VALUES (gen_random_uuid(), 'auth.user.token_refreshed', :u_id, :u_event_seq, 1, decode('{event}', 'hex'), \
           '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', {now});\n\
         COMMIT;\n"
    );
    let file = rig.postgres.directory().join("refresh.sql");
    std::fs::write(&file, text)?;
    Ok(file)
}

fn transactions(rig: &Rig, script: &std::path::Path) -> Outcome<f64> {
    let (clients, seconds) = (CLIENTS.to_string(), ROUND.as_secs().to_string());
    let text = rig.postgres.pgbench(
        script,
        &[
            "--client", &clients, "--jobs", "2", "--time", &seconds, "--define", "known=0",
        ],
    )?;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or_else(|| text.clone())?;
    Ok(rate.split(' ').next().unwrap_or_default().parse()?)
}
