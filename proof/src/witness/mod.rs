//! Those who look on from outside of the services: what was asked, told and done, and what must hold
//! of it. The gates that run real processes share them.
//!
//! ```text
//! operation  what is asked for   exchange  one request     told  what an answer says
//! history    who asked when, and heard what
//! effects    what was done: the orders that are listed
//! check      what must hold
//! ```

pub(crate) mod check;
pub(crate) mod effects;
pub(crate) mod exchange;
pub(crate) mod history;
pub(crate) mod operation;
pub(crate) mod told;
