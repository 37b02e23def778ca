//! GET /auth/verify against a bare poem endpoint that answers with the same headers, measured in
//! turns with `wrk`.

use crate::me::bare;
use crate::report::{Row, note};
use crate::rig::Rig;
use crate::stats::{list, median};
use crate::{Outcome, wrk};

const ROUNDS: usize = 7;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let account = service.accounts("verify", 1).await?.pop().ok_or("no account")?;
    let (_bare, bare_port) = bare(400, rig.postgres.directory()).await?;

    let (mut bare_rates, mut rates) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let bare = wrk::get(&format!("http://127.0.0.1:{bare_port}/verify"), &account.access).await?;
        let url = format!("http://127.0.0.1:{}/auth/verify", service.port());
        let verified = wrk::get(&url, &account.access).await?;
        // The first round warms up both servers.
        if round > 0 {
            bare_rates.push(bare);
            rates.push(verified);
        }
    }
    note(&format!(
        "bare requests/s: {}; /auth/verify requests/s: {}",
        list(&bare_rates),
        list(&rates)
    ));
    let ratios: Vec<f64> = rates.iter().zip(&bare_rates).map(|(rate, bare)| rate / bare).collect();
    let ratio = median(&ratios);
    Ok(vec![Row {
        what: "GET /auth/verify / bare poem endpoint with the same headers, requests/s",
        target: "≥ 70 %",
        measured: format!("{:.0} % ({:.0} of {:.0})", ratio * 100.0, median(&rates), median(&bare_rates)),
        met: ratio >= 0.7,
    }])
}
