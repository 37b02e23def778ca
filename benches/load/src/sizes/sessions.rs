//! Users with many sessions.

use std::time::Instant;

use super::{Measure, Unit};
use crate::Outcome;
use crate::client::Client;
use crate::rig::Rig;
use crate::sizes::world::{CROWDED, SESSIONS, World};
use crate::stats::lower_quartile;

pub(super) async fn measure(rig: &Rig, _: &World) -> Outcome<Vec<Measure>> {
    // The events that were added for these users were not recorded by the service.
    rig.postgres.sql(&format!(
        "UPDATE users SET event_seq = (SELECT max(user_seq) FROM events WHERE user_id = users.id) \
         WHERE id < '00000000-0000-7000-8000-{CROWDED:012x}'"
    ))?;
    let mut client = Client::connect(rig.service()?.port()).await?;
    let access = rig.admin_token().await?;
    let mut times = Vec::new();
    for user in 0..CROWDED {
        let id = format!("00000000-0000-7000-8000-{user:012x}");
        let started = Instant::now();
        let status = client.delete(&format!("/users/{id}/sessions"), &access).await?.status;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        let live = rig
            .postgres
            .number(&format!("SELECT count(*) FROM sessions WHERE user_id = '{id}' AND revoked_at IS NULL"))?;
        if status != 204 || live > 0.0 {
            return Err(format!("status {status}, {live} of {SESSIONS} sessions are live").into());
        }
    }
    Ok(vec![Measure {
        what: "Revoke all 10 000 sessions of a user",
        value: lower_quartile(&times),
        unit: Unit::Millis,
    }])
}
