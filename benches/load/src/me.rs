//! GET /auth/me against a bare endpoint with a body of the same size, measured in turns with `wrk`.

use std::process::Command;

use crate::client::Client;
use crate::report::{Row, note};
use crate::rig::{Child, Rig, free_port};
use crate::stats::{list, median};
use crate::{Outcome, wrk};

const ROUNDS: usize = 7;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let account = service.accounts("me", 1).await?.pop().ok_or("no account")?;
    let size = Client::connect(service.port())
        .await?
        .get("/auth/me", Some(&account.access))
        .await?
        .body_len();
    let (_bare, bare_port) = bare(size, rig.postgres.directory()).await?;

    let (mut bare_rates, mut me_rates) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let bare = wrk::get(&format!("http://127.0.0.1:{bare_port}/bare"), &account.access).await?;
        let me = wrk::get(&format!("http://127.0.0.1:{}/auth/me", service.port()), &account.access).await?;
        // The first round warms up both servers.
        if round > 0 {
            bare_rates.push(bare);
            me_rates.push(me);
        }
    }
    note(&format!(
        "body {size} bytes; bare requests/s: {}; /auth/me requests/s: {}",
        list(&bare_rates),
        list(&me_rates)
    ));
    let ratios: Vec<f64> = me_rates.iter().zip(&bare_rates).map(|(me, bare)| me / bare).collect();
    let ratio = median(&ratios);
    Ok(vec![Row {
        what: "GET /auth/me / bare poem-openapi endpoint, requests/s",
        target: "≥ 60 %",
        measured: format!("{:.0} % ({:.0} of {:.0})", ratio * 100.0, median(&me_rates), median(&bare_rates)),
        met: ratio >= 0.6,
    }])
}

/// Starts this program as the bare endpoint, and waits until its response has the requested size.
pub(crate) async fn bare(size: usize, logs: &std::path::Path) -> Outcome<(Child, u16)> {
    let port = free_port();
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare").arg(port.to_string()).arg(size.to_string());
    let child = Child::start(&mut command, &logs.join("bare.log"))?;
    for _ in 0..200 {
        if let Ok(mut client) = Client::connect(port).await {
            let answer = client.get("/bare", None).await?;
            if answer.status == 200 && answer.body_len() == size {
                return Ok((child, port));
            }
            return Err(format!("the bare endpoint answers {} bytes instead of {size}", answer.body_len()).into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err("the bare endpoint does not answer".into())
}
