//! POST /oauth/introspect of an access token against GET /auth/me with it, measured in turns with
//! `wrk`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::report::{Row, note};
use crate::rig::{CLIENT, CLIENT_SECRET, Rig};
use crate::stats::{list, median};
use crate::{Outcome, wrk};

const ROUNDS: usize = 7;

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let rig = Rig::start().await?;
    let service = rig.service()?;
    let account = service.accounts("introspect", 1).await?.pop().ok_or("no account")?;
    let base = format!("http://127.0.0.1:{}", service.port());
    let authorization = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}")));
    // A form contains an access token unencoded.
    let form = format!("token={}", account.access);

    let (mut me_rates, mut rates) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let me = wrk::get(&format!("{base}/auth/me"), &account.access).await?;
        let url = format!("{base}/oauth/introspect");
        let introspected = wrk::post_form(&url, &authorization, &form, rig.postgres.directory()).await?;
        // The first round warms up both servers.
        if round > 0 {
            me_rates.push(me);
            rates.push(introspected);
        }
    }
    note(&format!(
        "/auth/me requests/s: {}; /oauth/introspect requests/s: {}",
        list(&me_rates),
        list(&rates)
    ));
    let ratios: Vec<f64> = rates.iter().zip(&me_rates).map(|(rate, me)| rate / me).collect();
    let ratio = median(&ratios);
    Ok(vec![Row {
        what: "POST /oauth/introspect / GET /auth/me, requests/s",
        target: "≥ 60 %",
        measured: format!("{:.0} % ({:.0} of {:.0})", ratio * 100.0, median(&rates), median(&me_rates)),
        met: ratio >= 0.6,
    }])
}
