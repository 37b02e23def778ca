//! The ledger as clients and subscribers see it.

mod backlog;
mod counts;
mod custom;
mod delivery;
pub(crate) mod golden;
mod handover;
mod pages;
mod paging;
mod predecessors;
mod query_plans;
mod rate_limited;
mod relay_plans;
mod retention;
mod stream;
